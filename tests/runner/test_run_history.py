"""``harness history``: real runs are added with their confirmation, and the index names them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from random import Random

import pytest
from golden import unpack
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import EvidenceError, InvalidInputError
from harness.findings.expectations import ControlMissing
from harness.model.comparison import TransitionCounts
from harness.model.confirmation import Confirmation, ConfirmedCell, ConfirmedState
from harness.model.history import HistoryEntry
from harness.model.verdict import Verdict
from harness.model.version_answers import Interval
from harness.report.written_files import VERSION
from harness.runner.confirmation.confirm import CONFIRMATION, folder_of
from harness.runner.history import INDEX, add_run, current_commit, load_history, write_index
from harness.store.history import append_history
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A run with lossy, lossless and inconclusive cells."""
    return unpack("lifecycle", tmp_path).runs()[0]


def test_a_run_is_added_with_its_numbers(stored: Path, tmp_path: Path) -> None:
    """A line for each cell; an expected loss is not against the expectation."""
    folder = tmp_path / "history"
    verdict = json.loads((stored / "verdict.json").read_text())

    assert add_run(stored, folder, "c0ffee") == len(verdict["cells"])
    entries = {entry.cell: entry for entry in load_history(folder).entries}
    for cell in verdict["cells"]:
        entry = entries[cell["id"]]
        assert (entry.sent, entry.lost, entry.verdict) == (cell["sent"], cell["lost"], cell["verdict"])
        assert entry.commit == "c0ffee"
        assert entry.bad == 0 or not cell["as_expected"]
        assert entry.bad + entry.good + entry.unknown == len(cell["trials"])
    assert "harness" in entry.versions
    assert "images" in entry.versions
    assert str(stored.name) in (folder / INDEX).read_text()
    assert add_run(stored, folder, "c0ffee") == 0


def test_repetitions_of_a_confirmation_count(stored: Path, tmp_path: Path) -> None:
    """Ten of them tell more than one trial."""
    cell = json.loads((stored / "verdict.json").read_text())["cells"][0]["id"]
    repeated = ConfirmedCell(
        id=cell,
        configuration="",
        change="",
        state=ConfirmedState.SOMETIMES,
        repeated=TransitionCounts(3, 6, 1),
        rate=Interval(0.1, 0.7, 0.95),
    )
    confirmation = Confirmation(name="x", run="x", cells=(repeated,), asked=10, bundle="b")
    folder_of(stored).mkdir()
    write_json(folder_of(stored) / CONFIRMATION, {"version": VERSION, **to_json(confirmation)})
    add_run(stored, tmp_path / "plain", "c0ffee")
    entry = next(each for each in load_history(tmp_path / "plain").entries if each.cell == cell)

    assert (entry.bad, entry.bad + entry.good, entry.unknown) == (3, 10, 1)


def test_a_failed_cell_counts_as_bad_without_its_control(stored: Path, tmp_path: Path) -> None:
    """The losses of a cell count although its control has no answer, and nothing of it counts as good."""
    written = json.loads((stored / "verdict.json").read_text())
    cell = next(each for each in written["cells"] if each["change_kind"] != "none")
    cell |= {"verdict": "lossy", "expected": "lossless", "as_expected": False}
    cell["findings"].append(ControlMissing(trials=0, stopped=False).record())
    cell["trials"] = [each | {"verdict": "lossy"} for each in cell["trials"]]
    written["cells"] = [each for each in written["cells"] if each["change_kind"] != "none"]
    write_json(stored / "verdict.json", to_json(written))
    RunDirectory.open(stored).seal("verdict")
    add_run(stored, tmp_path / "history", "c0ffee")
    entry = next(each for each in load_history(tmp_path / "history").entries if each.cell == cell["id"])

    assert (entry.bad, entry.good, entry.unknown) == (len(cell["trials"]), 0, 0)


def test_changed_evidence_is_refused(stored: Path, tmp_path: Path) -> None:
    """Nothing is added."""
    (stored / "verdict.json").write_text("{}")
    with pytest.raises(EvidenceError):
        add_run(stored, tmp_path / "history", "")
    assert load_history(tmp_path / "history").entries == ()


@pytest.mark.processes
def test_the_commit_is_that_of_the_ci_service_or_of_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside of both it is unknown, which is no error."""
    for name in ("GITHUB_SHA", "CI_COMMIT_SHA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert current_commit() == ""
    commands = (["init", "-q"], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "x"])
    for words in commands:
        subprocess.run(["git", *words], check=True)
    assert re.fullmatch(r"[0-9a-f]{40}", current_commit())
    monkeypatch.setenv("CI_COMMIT_SHA", "c0ffee")
    assert current_commit() == "c0ffee"


def test_show_prints_the_trends(stored: Path, tmp_path: Path) -> None:
    """As JSON, too; a glob chooses cells."""
    folder = str(tmp_path / "history")
    runner = CliRunner()
    added = runner.invoke(app, ["history", "add", str(stored), "--history", folder, "--commit", "c0ffee", "--json"])
    assert added.exit_code == 0
    assert json.loads(added.stdout)["added"] == {str(stored): len(load_history(Path(folder)).entries)}

    shown = json.loads(runner.invoke(app, ["history", "show", "--history", folder, "--json"]).stdout)
    some = json.loads(
        runner.invoke(app, ["history", "show", "--history", folder, "--json", "--cell", "*--none"]).stdout
    )
    assert shown["version"] == 1
    assert {each["cell"] for each in some["cells"]} < {each["cell"] for each in shown["cells"]}
    assert "no baseline yet" in runner.invoke(app, ["history", "show", "--history", folder]).stdout


def test_thirty_nights_are_named_in_the_index(tmp_path: Path) -> None:
    """A regression in night 19, a flaky cell, a busy machine and a steady cell, each with a line per night."""
    chance = Random(5)
    for number in range(1, 31):
        lossy = {"regressed": number >= 19, "flaky": chance.random() < 0.3, "steady": False, "busy": False}
        nights = [
            HistoryEntry(
                version=1,
                run=f"run-{number}",
                started=f"2026-01-{number:02d}T03:00:00+00:00",
                directory=f"night-{number}",
                commit=f"{number:012d}",
                experiment="shop",
                cell=name,
                configuration=name,
                change="restart",
                verdict=Verdict.LOSSY if bad else Verdict.INCONCLUSIVE if name == "busy" else Verdict.LOSSLESS,
                expected="lossless",
                bad=11 * bad,
                good=int(not bad and name != "busy"),
                unknown=int(name == "busy"),
                sent=1000,
                lost=5 * bad,
                cut=0,
                p99_ms=9.0,
            )
            for name, bad in lossy.items()
        ]
        append_history(tmp_path, nights)
    write_index(tmp_path)
    states = {trend.cell: trend.state.value for trend in load_history(tmp_path).trends}
    page = (tmp_path / INDEX).read_text()

    assert states == {"regressed": "regressed", "flaky": "flaky", "steady": "steady", "busy": "unknown"}
    assert "Regressed: shop: regressed × restart since 2026-01-19 03:00:00 UTC, commit 000000000019" in page  # noqa: RUF001 - typography
    assert "▁" * 18 + "█" * 12 in page
    assert "·" * 30 in page
    assert page.count('href="night-') == 30


def test_no_history_is_an_error(tmp_path: Path) -> None:
    """A misspelt folder would look like a history without regressions."""
    with pytest.raises(InvalidInputError, match="there is no history"):
        CliRunner().invoke(app, ["history", "show", "--history", str(tmp_path)], catch_exceptions=False)
