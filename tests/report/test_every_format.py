"""Every format renders the document of every command. CTRF JSON is valid, and unknown is not passed in it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from documentation import page
from jinja2 import UndefinedError
from jsonschema import Draft7Validator, ValidationError
from made_up_watches import lossy, quiet, watched
from rich.console import Console

from harness.judging.compared_runs import compare_runs
from harness.judging.confirming import confirm_cells
from harness.judging.migration.comparing import MigrationRun, compare
from harness.judging.trends import history_of
from harness.model.comparison import RunComparison
from harness.model.confirmation import Confirmation
from harness.model.history import VERSION, History, HistoryEntry
from harness.model.verdict import Verdict
from harness.report import (
    blocks,
    comparison,
    confirmation,
    ctrf,
    history,
    html,
    junit,
    markdown,
    migration,
    run,
    terminal,
    watch,
)
from harness.report.blocks import Account, Block, Detail
from harness.report.document import Document, Section
from harness.report.formats import FORMATS, Format
from harness.runner.reports import write_reports
from harness.testing.many_trials import LETTERS, run_of
from harness.testing.release_reports import sample_releases
from harness.testing.reports import sample_run

#: Cells that were repeated.
REPEATED = [f"{name}--rolling-update" for name in "abcd"]
FEW = sample_run(("bare", "graceful"), ("none", "rolling-update", "ingress-edit"))
JUNIT = xmlschema.XMLSchema(Path(__file__).parent / "schemas" / "junit.xsd")
SCHEMA = Draft7Validator(json.loads((Path(__file__).parent / "schemas" / "ctrf.json").read_text(encoding="utf-8")))


def migrated() -> Document:
    """Return a migration in which the target loses in one cell, and one is unknown."""
    source = tuple(
        replace(cell, verdict=Verdict.LOSSLESS, findings=(), lost=0, as_expected=True)
        if cell.id == "bare--rolling-update"
        else cell
        for cell in FEW.cells
    )
    sides = MigrationRun("ingress-nginx", "source", replace(FEW, cells=source)), MigrationRun("traefik", "target", FEW)
    return migration.document(compare(*sides, {}, command="harness migrate sample.yaml"))


def compared() -> RunComparison:
    """Return a comparison with a cell of each outcome, and surroundings that differ."""
    first = {"worse": "....", "better": "xxxx", "same": "....", "poor": "?", "gone": "."}
    second = {"worse": "xxxx", "better": "....", "same": "....", "poor": "."}
    again = {"worse": "." * 9 + "?", "better": "x" * 10}, {"worse": "x" * 10, "better": "." * 10}
    newer = replace(run_of(second), environment={"harness": "0.2.0"})
    return compare_runs(run_of(first), newer, (run_of(again[0]), run_of(again[1])), 10)


def repeated() -> Confirmation:
    """Return a confirmation with a cell of each state."""
    cells = confirm_cells(run_of({"a": "xxx", "b": "x.x?", "c": "...", "d": "??"}), REPEATED)
    bundle, started = "reports/r-confirmation/b.json", "2026-01-02T03:04:05+00:00"
    return Confirmation(name="sample", run="reports/r", cells=cells, asked=4, bundle=bundle, started=started)


def remembered() -> History:
    """Return a history of 25 runs with a cell of each state."""
    nights = {"steady": ["."] * 25, "regressed": ["."] * 15 + ["x"] * 10, "improved": ["x"] * 15 + ["."] * 10}
    nights |= {"flaky": [".", "x", "."] * 8 + ["."], "always": ["x"] * 25, "new": ["."] * 24 + ["x"]}
    nights |= {"unknown": ["?"] * 25}
    return history_of([night(n, name, letter) for name, each in nights.items() for n, letter in enumerate(each, 1)])


def night(number: int, cell: str, letter: str) -> HistoryEntry:
    """Return the entry of a night with one trial."""
    return HistoryEntry(
        version=VERSION, run=f"run-{number}", started=f"2026-01-{number:02d}T03:00:00+00:00", directory=f"r{number}",
        commit="c0ffee" * 6, experiment="shop", cell=cell, configuration=cell, change="restart",
        verdict=LETTERS[letter], expected="lossless", bad=int(letter == "x"), good=int(letter == "."),
        unknown=int(letter == "?"), sent=100, lost=int(letter == "x"), cut=0, p99_ms=2.0,
        versions={"harness": str(number // 10)},
    )  # fmt: skip


DOCUMENTS: dict[str, Callable[[], Document]] = {
    "run": lambda: run.document(FEW),
    "releases": lambda: run.document(sample_releases()),
    "no cells": lambda: run.document(replace(FEW, cells=(), configurations=(), changes=(), exit_code=3)),
    "watch": lambda: watch.document(lossy()),
    "two origins": lambda: watch.document(watched(quiet(), quiet())),
    "migration": migrated,
    "comparison": lambda: comparison.document(compared()),
    "confirmation": lambda: confirmation.document(repeated()),
    "history": lambda: history.document(remembered(), "reports"),
    "no history": lambda: history.document(history_of([]), "reports"),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("each", FORMATS, ids=[each.file for each in FORMATS])
def test_every_format_renders_every_document(each: Format, kind: str) -> None:
    """Each has the answer, and the same document gives the same text."""
    document = DOCUMENTS[kind]()
    text = each.render(document)

    # A JUnit file has no place for an answer outside a suite.
    assert (each.file == "junit.xml" and not document.suites) or document.answer in text
    assert each.render(DOCUMENTS[kind]()) == text
    assert text.endswith("\n")


def test_every_command_writes_every_format(tmp_path: Path) -> None:
    """There is a file for each row of the table, and nothing else."""
    for kind, made in DOCUMENTS.items():
        directory = tmp_path / kind.replace(" ", "-")
        directory.mkdir()
        write_reports(directory, made())
        assert {path.name for path in directory.iterdir()} == {each.file for each in FORMATS}


def test_every_format_is_documented() -> None:
    """``docs/reference/run-directory.md`` names each file."""
    text = page("reference/run-directory.md")

    missing = [each.file for each in FORMATS if f"`{each.file}`" not in text]
    assert missing == [], "add a row to the table of docs/reference/run-directory.md"


def test_nothing_is_written_where_a_format_fails(tmp_path: Path) -> None:
    """An incomplete report would look complete."""
    section = Section(names=("x",), key="x", blocks=(Block(),))
    with pytest.raises(UndefinedError):
        write_reports(tmp_path, replace(DOCUMENTS["watch"](), sections=(section,)))

    assert list(tmp_path.iterdir()) == []


def every_block() -> list[type[Block]]:
    """Return every kind of block."""
    return [each for each in vars(blocks).values() if isinstance(each, type) and issubclass(each, Block)]


@pytest.mark.parametrize("kind", [each for each in every_block() if each is not Block], ids=lambda kind: kind.__name__)
def test_every_block_has_a_form_where_it_is_shown(kind: type[Block]) -> None:
    """Terminal, summary and page can show each block that is meant for them."""
    (detail,) = (field.default for field in fields(kind) if field.name == "detail")
    assert isinstance(detail, Detail)
    forms = {
        Detail.TERMINAL: kind in terminal._block.registry,
        Detail.SUMMARY: kind in markdown._block.registry,
        Detail.PAGE: hasattr(html._environment().get_template("blocks.html.j2").module, kind.__name__.lower()),
    }

    assert [reader for reader, has in forms.items() if reader in detail and not has] == []


def test_a_block_without_a_form_is_refused() -> None:
    """No format silently omits an unknown block."""
    section = Section(names=("x",), key="x", blocks=(Block(),))
    document = replace(DOCUMENTS["watch"](), sections=(section,))

    with pytest.raises(TypeError, match="Block has no form in a summary"):
        markdown.render(document)
    with pytest.raises(TypeError, match="Block has no form in a terminal"):
        terminal.render(document)


def test_a_block_for_the_page_is_only_on_the_page() -> None:
    """It is in no summary and no terminal output."""
    account = Account(identity=lossy().identity, detail=Detail.PAGE)
    document = replace(DOCUMENTS["watch"](), sections=(Section(names=("x",), key="x", blocks=(account,)),))
    out = io.StringIO()
    Console(file=out, width=110).print(terminal.render(document))

    assert "abandoned" in html.render(document)
    assert "abandoned" not in markdown.render(document) + out.getvalue()


def report(kind: str) -> dict[str, Any]:
    """Return a document's CTRF JSON."""
    found: dict[str, Any] = json.loads(ctrf.render(DOCUMENTS[kind]()))
    return found


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_ctrf_is_valid(kind: str) -> None:
    """The published schema accepts it, and its counts are those of its tests."""
    found = report(kind)
    SCHEMA.validate(found)
    summary, tests = found["results"]["summary"], found["results"]["tests"]

    assert summary["tests"] == len(tests)
    for status in ("passed", "failed", "other", "skipped", "pending"):
        assert summary[status] == sum(test["status"] == status for test in tests)
    assert summary["flaky"] == sum(test["flaky"] for test in tests)
    assert summary["stop"] - summary["start"] == summary["duration"]


@pytest.mark.parametrize(
    "wrong", [{"status": "lossless"}, {"duration": 1.5}, {"name": ""}, {"suite": []}, {"verdict": "lossy"}], ids=str
)
def test_the_schema_refuses_what_is_not_ctrf(wrong: dict[str, Any]) -> None:
    """A validity check that can't fail proves nothing."""
    found = report("run")
    found["results"]["tests"][0] |= wrong

    with pytest.raises(ValidationError):
        SCHEMA.validate(found)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_junit_is_valid(kind: str) -> None:
    """Every document is valid by the schema of JUnit XML."""
    text = junit.render(DOCUMENTS[kind]())

    assert [f"{error.path}: {error.reason}" for error in JUNIT.iter_errors(text)] == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<error message=", "<error text="),
        ("<failure ", "<fault "),
        ('tests="6"', 'tests="six"'),
        ("</testcase>", "<skipped/></testcase>"),
        ('timestamp="2026-01-02T03:04:05+00:00"', 'timestamp="yesterday"'),
    ],
)
def test_a_wrong_junit_file_is_found(right: str, wrong: str) -> None:
    """The schema refuses what a CI service would not read."""
    text = junit.render(DOCUMENTS["run"]()).replace("</failure>", "</fault>" if "fault" in wrong else "</failure>")
    assert right in text

    assert not JUNIT.is_valid(text.replace(right, wrong))


def test_unknown_and_flaky_are_apart_from_passed() -> None:
    """An inconclusive cell is ``other``. A cell whose two trials disagree is flaky and failed."""
    tests = {(test["suite"][-1], test["name"]): test for test in report("run")["results"]["tests"]}
    told = {key: (test["status"], test["rawStatus"], test["flaky"]) for key, test in tests.items()}

    assert told == {
        ("bare", "none"): ("passed", "lossless", False),
        ("bare", "rolling-update"): ("passed", "lossy", False),
        ("bare", "ingress-edit"): ("other", "inconclusive", False),
        ("graceful", "none"): ("passed", "lossless", False),
        ("graceful", "rolling-update"): ("failed", "unexpectedly-lossy", True),
        ("graceful", "ingress-edit"): ("passed", "lossless", False),
    }
    assert tests["graceful", "rolling-update"]["extra"] == {"trials": ["failed", "passed"]}
    assert "behind" in tests["bare", "ingress-edit"]["trace"]


def test_a_watch_and_a_migration_as_ctrf() -> None:
    """An origin with losses is failed. So is a cell that only the target loses; an unknown one is other."""
    (origin,) = report("watch")["results"]["tests"]
    moved = {(test["suite"][-1], test["name"]): test["status"] for test in report("migration")["results"]["tests"]}

    assert (origin["name"], origin["status"], origin["duration"]) == ("http://shop.example", "failed", 3000)
    assert sorted(moved.values()) == ["failed", "other", *["passed"] * 4]


def test_ctrf_has_the_times_of_the_run_and_not_of_the_report() -> None:
    """Times are milliseconds since the Unix epoch, and 0 for invalid text."""
    summary = report("run")["results"]["summary"]

    assert (summary["start"], summary["duration"]) == (1767323045000, 83000)
    unknown = json.loads(ctrf.render(replace(DOCUMENTS["run"](), started="yesterday")))
    assert unknown["results"]["summary"]["start"] == 0
