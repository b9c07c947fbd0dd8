"""Every format of a run's report equals its golden file and keeps its guarantees."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from harness.findings.instrument import TrialFailed
from harness.model.verdict import Finding, RunVerdict
from harness.report import junit, markdown, terminal
from harness.report.labels import again
from harness.report.run import document
from harness.testing.reports import sample_run


class TextFile(SingleFileSnapshotExtension):
    """A golden file of plain text."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare with a text file. pytest --snapshot-update writes it."""
    return snapshot.use_extension(TextFile)


def few() -> RunVerdict:
    """Return six cells: enough for every kind of result."""
    return sample_run(("bare", "graceful"), ("none", "rolling-update", "ingress-edit"))


def in_terminal(run: RunVerdict) -> str:
    """Return the output of a terminal of 110 columns without colours."""
    out = io.StringIO()
    console = Console(file=out, width=110, highlight=False, color_system=None)
    console.print(terminal.render(document(run)))
    return out.getvalue()


def test_terminal(golden: SnapshotAssertion) -> None:
    """It has the table, the findings of unexpected cells, and the answer."""
    assert in_terminal(few()) == golden


@pytest.mark.parametrize("width", [40, 60, 80, 110, 160])
def test_no_word_of_the_table_is_broken(width: int) -> None:
    """At any width, every verdict is whole or shortened on purpose, and every cell is shown."""
    out = io.StringIO()
    run = sample_run()
    table = document(run).table
    assert table
    Console(file=out, width=width, highlight=False, color_system=None).print(terminal.Overview(table))
    words = Counter(re.findall(r"lossless|lossy|inconclusive|inconcl\.|[✓✗?] \w+", out.getvalue()))
    verdicts = Counter(str(cell.verdict) for cell in run.cells)

    assert sum(n for word, n in words.items() if word.startswith("✓")) == verdicts["lossless"]
    assert words["✓ lossless"] == verdicts["lossless"]
    assert words["✗ lossy"] == verdicts["lossy"]
    assert words["? inconclusive"] + words["? inconcl"] == verdicts["inconclusive"]
    assert max(map(len, out.getvalue().splitlines())) <= width


def test_the_command_to_run_it_again_names_no_folder() -> None:
    """``--out`` would be refused the second time. Everything else is unchanged."""
    run = replace(few(), command="harness run 'my file.yaml' --out reports/x --only change=none")

    assert "harness run 'my file.yaml' --only change=none" in markdown.render(document(run))
    assert again("harness run x.yaml --out=/tmp/y") == "harness run x.yaml"
    assert again("harness run 'unfinished --out y") == "harness run 'unfinished --out y"


def test_markdown(golden: SnapshotAssertion) -> None:
    """The step summary."""
    assert markdown.render(document(few())) == golden


def test_junit(golden: SnapshotAssertion) -> None:
    """The XML document."""
    assert junit.render(document(few())) == golden


def test_junit_says_failure_and_error() -> None:
    """Unexpected is a failure, inconclusive an error, and expected neither."""
    root = ET.fromstring(junit.render(document(few())))
    problems = {
        f"{case.get('classname')}.{case.get('name')}": [child.tag for child in case if child.tag != "system-out"]
        for case in root.iter("testcase")
    }

    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "1", "1")
    assert problems == {
        "sample.bare.none": [],
        "sample.bare.rolling-update": [],
        "sample.bare.ingress-edit": ["error"],
        "sample.graceful.none": [],
        "sample.graceful.rolling-update": ["failure"],
        "sample.graceful.ingress-edit": [],
    }


def test_text_from_outside_can_break_no_format() -> None:
    """Control characters are not in the XML. Bars and HTML in names are escaped."""
    run = few()
    evil = Finding(TrialFailed.code, {"failure": "\x1b[31mred\x00 <b>|"})
    cell = replace(run.cells[2], findings=(evil,), change="a|<b>")
    run = replace(run, cells=(*run.cells[:2], cell, *run.cells[3:]), changes=("none", "rolling-update", "a|<b>"))

    ET.fromstring(junit.render(document(run)))

    table = [line for line in markdown.render(document(run)).splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {5}
    assert "<b>" not in markdown.render(document(run))
    assert "a|<b>" in in_terminal(run)


def test_a_run_without_cells_has_every_report() -> None:
    """Each format says that there is no answer."""
    run = replace(few(), cells=(), configurations=(), changes=(), exit_code=3)

    assert all("No answer" in text for text in (markdown.render(document(run)), in_terminal(run)))
    assert ET.fromstring(junit.render(document(run))).get("tests") == "0"


def test_golden_files_are_kept() -> None:
    """There is one for each format. An update would silently recreate a deleted one."""
    kept = {path.name for path in (Path(__file__).parent / "__snapshots__").rglob("*") if path.is_file()}

    assert {"test_terminal.txt", "test_markdown.txt", "test_junit.txt", "test_html.html"} <= kept
