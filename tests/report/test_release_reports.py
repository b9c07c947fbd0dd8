"""Reports of releases: shares, candidates and who answered, in every format."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from harness.model.verdict import RunVerdict
from harness.report import html, junit, markdown, terminal
from harness.store.records import from_json, to_json
from harness.testing.release_reports import sample_releases
from harness.testing.reports import sample_run


class TextFile(SingleFileSnapshotExtension):
    """A golden file that can be read as what it is."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compares with a text file; pytest --snapshot-update writes it."""
    return snapshot.use_extension(TextFile)


def in_terminal(run: RunVerdict) -> str:
    """What a terminal of 110 columns without colours shows."""
    out = io.StringIO()
    console = Console(file=out, width=110, highlight=False, color_system=None)
    for part in terminal.render(run):
        console.print(part)
    return out.getvalue()


def test_releases_in_a_terminal(golden: SnapshotAssertion) -> None:
    """Each step's share and each candidate has its line, beside what was found."""
    assert in_terminal(sample_releases()) == golden


def test_releases_as_markdown(golden: SnapshotAssertion) -> None:
    """The step summary."""
    assert markdown.render(sample_releases()) == golden


def test_releases_as_junit(golden: SnapshotAssertion) -> None:
    """The XML document."""
    assert junit.render(sample_releases()) == golden


def test_releases_as_a_page() -> None:
    """Tables of shares and candidates, the wrong one marked; the chart has a part of its own for who answered."""
    page = html.render(sample_releases())
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

    assert "step 2 50.0 % 46.0 % (2,300 of 5,000 answers) 44.2 % to 47.8 % 42.6 % to 49.5 % 7.0 to 8.0" in text
    assert re.search(r'<tr class="lost"><th scope="row">step 2</th>', page)
    assert not re.search(r'<tr class="lost"><th scope="row">step 1</th>', page)
    assert "B 500 3 status 2, wrong-answer 1 450 90.0 % 2.8 ms 240 ms 311 ms" in text
    assert "Success is an answer within 0.2 s: the candidates differ (p &lt; 0.0001, z test)." in text
    assert page.count("var(--new-fill)") > page.count("var(--old-fill)") - 1 > 0


def test_what_is_not_a_release_is_told_as_before() -> None:
    """No table, no line and no part of a chart for who answered, where nobody asked."""
    run = sample_run(("bare",), ("none", "rolling-update"))

    assert "Candidates side by side" not in html.render(run)
    assert "old, new" not in html.render(run)
    assert "who answered" not in in_terminal(run) + markdown.render(run)


def test_who_answered_survives_the_disk() -> None:
    """A verdict that was written and read again is the same."""
    run = sample_releases()

    assert from_json(RunVerdict, to_json(run)) == run
