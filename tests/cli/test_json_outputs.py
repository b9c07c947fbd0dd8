"""Every command prints and writes JSON by a published, versioned schema, and its real output is valid by it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from documentation import ROOT, page
from golden import unpack
from jsonschema import Draft202012Validator, ValidationError

from harness.changes.undo import UndoEntry, UndoOutcome, UndoResult
from harness.cli import doctor, main
from harness.cli.commands import COMMANDS, IN_PLACE, LazyCommand
from harness.cli.json_schemas import SCHEMAS
from harness.cli.play import session_output
from harness.cli.undo import as_output
from harness.exercises.progress import SavedProgress, StepResult
from harness.experiment.load import load_experiment
from harness.model.verdict import Verdict
from harness.model.watch import WatchVerdict
from harness.play.board import Board
from harness.play.cards import Card, CardState
from harness.play.counting import NS, Totals
from harness.play.session import SessionResult
from harness.report.formats import FORMATS
from harness.report.outputs import OUTPUTS, PlayOutput, WorkerOutput
from harness.report.written_files import FILES, fields_of
from harness.runner.confirmation.bundle import write_bundle
from harness.runner.doctor import Check, State
from harness.runner.export import COLUMNS
from harness.runner.in_place.undo import UndoReport
from harness.runner.options import RunOptions
from harness.runner.watch.running import WatchResult
from harness.store.records import from_json, to_json

#: Commands that print no result of their own, and why.
WITHOUT = {
    "demo": "passes its options on to run",
    "check": "passes its options on to run",
    "schema": "prints JSON always",
}
RECORDS = {**OUTPUTS, **FILES}
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command line in an empty folder; return its exit code and what it printed on stdout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def command(*words: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, words)])
        code = main._run()
        return code, capfd.readouterr().out

    return command


def validated(name: str, text: str) -> dict[str, Any]:
    """Return the only line of JSON on stdout, which must be valid by a schema and be read back by its record."""
    (line,) = text.splitlines()
    found: dict[str, Any] = json.loads(line)
    Draft202012Validator(json.loads(SCHEMAS[name]())).validate(found)
    if name in RECORDS:
        from_json(RECORDS[name], found)
        assert name == "attempt" or found["version"] == 1
    return found


def every_command() -> dict[str, Any]:
    """Return each command of the command line, by the words that call it: ``history add``."""
    found: dict[str, Any] = {}
    for spec in COMMANDS:
        loaded = LazyCommand(spec).load()
        words = "run --in-place" if spec.name == IN_PLACE else spec.name
        below = getattr(loaded, "commands", None)
        found |= {words: loaded} if below is None else {f"{words} {name}": each for name, each in below.items()}
    return found


def without_option(commands: Mapping[str, Any]) -> set[str]:
    """Return the names of the commands that have no ``--json``."""
    return {
        name
        for name, command in commands.items()
        if not any("--json" in parameter.opts for parameter in command.params)
    }


def without_schema(commands: Iterable[str], text: str) -> set[str]:
    """Return the names of the commands that no row of a published schema names, by the page of JSON."""
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", text.partition("Other schemas describe files.")[0], re.MULTILINE)
    printed = {name for schema, cell in rows if schema in SCHEMAS for name in re.findall(r"`([^`]+)`", cell)}
    return {*commands} - printed


def test_every_command_has_the_option() -> None:
    """A command without a result of its own is in the list of exceptions, with its reason, and no other is."""
    assert without_option(every_command()) == set(WITHOUT)


def test_every_command_has_a_published_schema() -> None:
    """The page has a row for each, of a schema that `harness schema` prints."""
    assert without_schema(every_command(), page("reference/json.md")) == {"schema"}


def test_a_command_without_option_or_schema_is_found() -> None:
    """A new command fails both, and so does a row of a schema that does not exist."""
    fresh = typer.Typer()
    fresh.command("fresh")(lambda: None)
    text = page("reference/json.md")

    assert without_option({**every_command(), "fresh": typer.main.get_command(fresh)}) == {*WITHOUT, "fresh"}
    assert without_schema(["run", "fresh"], text) == {"fresh"}
    assert without_schema(["undo"], text.replace("| `undo` |", "| `undoing` |", 1)) == {"undo"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name: str) -> None:
    """Each is valid by its dialect; every field of an output is described, required and without a default."""
    schema = json.loads(SCHEMAS[name]())
    Draft202012Validator.check_schema(schema)
    objects = [each for each in (schema, *schema.get("$defs", {}).values()) if "properties" in each]

    assert objects
    if name in RECORDS:
        for each in objects:
            assert each["required"] == [*each["properties"]]
            assert [key for key, field in each["properties"].items() if not field.get("description")] == []
            assert "Attributes:" not in each["description"]
        assert name == "attempt" or schema["properties"]["version"]["const"] == 1


def test_the_page_lists_every_schema() -> None:
    """docs/reference/json.md has a row for each."""
    text = page("reference/json.md")

    assert set(re.findall(r"^\| `([\w-]+)` \|", text, flags=re.MULTILINE)) == set(SCHEMAS)


def test_an_unknown_schema_is_invalid_input(run: Run) -> None:
    """The message lists those that there are."""
    assert run("schema", "nothing")[0] == 2
    assert run("schema", "watch") == (0, SCHEMAS["watch"]())


@pytest.mark.parametrize(
    ("name", "damage"),
    [("watch", {"sent": "many"}), ("watch", {"version": 2}), ("run", {"cells": [{"configuration": "x"}]})],
)
def test_a_schema_refuses_what_is_not_printed(name: str, damage: dict[str, Any], run: Run, tmp_path: Path) -> None:
    """A wrong type, another version and a missing field are found."""
    golden = unpack("watch" if name == "watch" else "rollback", tmp_path / "golden")
    found = validated(name, run("analyze", golden.path, "--json")[1])

    with pytest.raises(ValidationError):
        Draft202012Validator(json.loads(SCHEMAS[name]())).validate(found | damage)


def test_analyze_and_report(run: Run, tmp_path: Path) -> None:
    """``analyze`` prints what ``run`` and ``watch`` print, and ``report`` its files, which exist."""
    watch, rollback = unpack("watch-outages", tmp_path / "w"), unpack("rollback", tmp_path / "r")
    watch_code, watched = run("analyze", watch.path, "--json")
    run_code, cells = run("analyze", rollback.path, "--json")

    assert validated("watch", watched)["exit_code"] == watch_code
    assert validated("run", cells)["exit_code"] == run_code
    files = validated("files", run("report", rollback.path, "--json")[1])["files"]
    verdict = (watch.path / "verdict.json").read_text(encoding="utf-8")
    assert validated("watch-verdict", json.dumps(json.loads(verdict)))["schema_version"] == 1
    assert {Path(name).name for name in files} == {each.file for each in FORMATS}
    assert all(Path(name).is_file() for name in files)


def test_unsealed_evidence_is_no_success(run: Run, tmp_path: Path) -> None:
    """The exit code in the object is that of the command: never 0."""
    golden = unpack("watch", tmp_path / "golden")
    code, text = run("analyze", golden.path, "--unsealed", "--json")

    assert validated("watch", text)["exit_code"] == code == 3


def test_a_migration(run: Run, tmp_path: Path) -> None:
    """The comparison, with the directory and the exit code."""
    golden = unpack("migrate", tmp_path / "golden")
    code, text = run("migrate", "--analyze", golden.path, "--json")
    found = validated("migrate", text)

    assert (found["exit_code"], found["directory"]) == (code, str(golden.path))
    written = json.loads((golden.path / "comparison.json").read_text(encoding="utf-8"))
    assert validated("migration-file", json.dumps(written)) == {
        name: value for name, value in found.items() if name != "directory"
    } | {"exit_code": "unexpected"}
    assert code == 1


def test_attempts(run: Run, tmp_path: Path) -> None:
    """One line for each attempt, with the values of the CSV."""
    golden = unpack("watch", tmp_path / "golden")
    lines = run("export", golden.path, "--json")[1].splitlines()
    rows = run("export", golden.path)[1].splitlines()

    assert len(lines) == len(rows) - 1 > 10
    assert [*validated("attempt", lines[0])] == [*COLUMNS] == rows[0].split(",")
    for line, row in zip(lines, rows[1:], strict=True):
        assert ["" if value is None else str(value) for value in validated("attempt", line).values()] == row.split(",")


def test_doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The checks, and the exit code that they give."""
    monkeypatch.setattr(doctor, "CHECKS", (lambda: Check("nginx", State.LACKS, "none", "get it"),))
    code = doctor.doctor(as_json=True)
    found = validated("doctor", capsys.readouterr().out)

    assert found["exit_code"] == code == 4
    assert found["checks"] == [{"what": "nginx", "state": "lacks", "found": "none", "hint": "get it"}]


def test_a_session(tmp_path: Path) -> None:
    """A change that had not settled at the end has neither a verdict nor an end."""
    written = json.loads((unpack("watch", tmp_path / "golden").path / "verdict.json").read_text(encoding="utf-8"))
    totals = Totals(sent=50, ok=43, lost={"status 503": 7}, first_loss=1.0, last_lost=1.5, last_loss=1.6)
    settled = Card(1, 3 * NS, [(3 * NS, "a"), (4 * NS, "b")], state=CardState.SETTLED, end=9 * NS, totals=totals)
    settled.verdict = Verdict.LOSSY
    board = Board(origin=NS, cards=[settled, Card(2, 10 * NS, [(10 * NS, "c")])])
    session = session_output(SessionResult(WatchResult(tmp_path, from_json(WatchVerdict, written)), board))
    found = validated("play", json.dumps(to_json(PlayOutput(exit_code=0, **fields_of(session)))))

    first, second = found["changes"]
    assert (first["begin_s"], first["end_s"], first["verdict"], first["lost_total"]) == (2.0, 8.0, "lossy", 7)
    assert (second["changes"], second["end_s"], second["verdict"]) == (["c"], None, None)
    assert found["watch"]["sent"] > 0


def test_the_steps_of_an_exercise(run: Run) -> None:
    """``--list`` starts nothing. The right choice is there once the step is finished."""
    step = StepResult(1, "lossy", lost=7, sent=90, classes="7 refused", measured=6.0)
    SavedProgress.load(1).add("rolling", step)
    found = validated("exercise", run("exercise", "1", "--list", "--json")[1])

    (done,) = [each for each in found["steps"] if each["result"]]
    assert (done["id"], done["result"]["lost"], done["right"] is None) == ("rolling", 7, False)
    assert {each["right"] for each in found["steps"] if each is not done} == {None}
    assert found["session"] is None


@pytest.mark.parametrize("name", ["demo", "exercise-3-canary", "exercise-3-ab", "controller-restart"])
def test_bundles(name: str, tmp_path: Path) -> None:
    """A bundle is valid by its schema, whatever changes its Experiment has."""
    experiment = load_experiment(ROOT / "experiments" / f"{name}.yaml")
    write_bundle(tmp_path / "reproduce.json", experiment, RunOptions(), {})
    found = validated("bundle-file", json.dumps(json.loads((tmp_path / "reproduce.json").read_text(encoding="utf-8"))))

    assert len(found["experiment"]["cells"]) == len(experiment.cells)


@pytest.mark.parametrize("damage", [{"kind": "explode"}, {"times": "twice"}, {"set": None}])
def test_the_schema_of_bundles_refuses_a_wrong_change(damage: dict[str, Any], tmp_path: Path) -> None:
    """An unknown kind, a wrong type, and a field of the kind that has no value."""
    write_bundle(tmp_path / "b.json", load_experiment(ROOT / "experiments" / "demo.yaml"), RunOptions(), {})
    found = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    cell = next(each for each in found["experiment"]["cells"] if each["change"]["kind"] == "rolling-update")
    cell["change"] |= damage

    with pytest.raises(ValidationError):
        Draft202012Validator(json.loads(SCHEMAS["bundle-file"]())).validate(found)


def test_known_faults(run: Run) -> None:
    """``calibrate --list`` sends nothing."""
    found = validated("faults", run("calibrate", "--list", "--json")[1])

    assert {"fin-before", "rst-before"} < {each["fault"] for each in found["faults"]}


def test_written_files(run: Run, tmp_path: Path) -> None:
    """``examples`` and ``init`` print the files that they have written."""
    examples = validated("files", run("examples", "mine", "--json")[1])
    init = validated("files", run("init", "mine/apps/apple-banana", "--json")[1])

    assert "mine/demo.yaml" in examples["files"]
    assert all((tmp_path / name).is_file() for name in (*examples["files"], *init["files"]))


def test_clusters(run: Run) -> None:
    """Without a cluster the list is empty, and stdout still has one object."""
    assert validated("clusters", run("cluster", "status", "--json")[1])["clusters"] == []


def test_an_undo(run: Run, tmp_path: Path) -> None:
    """Each object has its outcome, now or at an earlier undo."""
    del run
    entry = UndoEntry(1, "Service shop", "Service", "shop", "web", ())
    results = tuple(UndoResult(entry, outcome, "why") for outcome in UndoOutcome)
    plan: Any = None
    done = UndoReport(plan, made=True, results=results[:3], earlier=results[3:])
    found = validated("undo", json.dumps(to_json(as_output(done, tmp_path))))

    assert found["exit_code"] == 4
    assert {(each["outcome"], each["earlier"]) for each in found["objects"]} == {
        ("undone", False), ("not-needed", False), ("left", False), ("gone", True), ("failed", True)
    }  # fmt: skip


def test_a_worker() -> None:
    """It says for how many trials it sent."""
    assert validated("worker", json.dumps(to_json(WorkerOutput(trials=3))))["trials"] == 3
