"""The losses of stored evidence get the causes that their cells were built to have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import built_to_lose
import golden
import pytest

from harness.analysis.evidence import PathRecords, TrialEvidence
from harness.analysis.facts import Facts
from harness.causes.attribution import causes_of
from harness.runner.evidence import read_trials
from harness.runner.judging import judge, read_plan
from harness.store.records import to_json
from harness.store.rundir import RunDirectory

NAMES = sorted(built_to_lose.GOLDEN)


def _run(name: str, folder: Path) -> RunDirectory:
    return RunDirectory.open(golden.unpack(name, folder).path)


def _verdict(name: str, folder: Path) -> dict[str, Any]:
    return dict(to_json(judge(_run(name, folder))))


def _lossy_trials(name: str, folder: Path) -> Iterator[tuple[str, TrialEvidence]]:
    run = _run(name, folder)
    for cell, trials in read_trials(run, read_plan(run).experiment).items():
        if cell in built_to_lose.GOLDEN[name]:
            yield from ((cell, trial) for trial in trials)


@pytest.mark.parametrize("name", NAMES)
def test_at_least_95_percent_of_the_losses_have_the_cause_of_their_row(name: str, tmp_path: Path) -> None:
    """A lossless cell has no cause, and a lossy one those of its row."""
    assert built_to_lose.wrong_causes(_verdict(name, tmp_path), built_to_lose.GOLDEN[name]) == []


def test_the_table_has_every_lossy_cell() -> None:
    """A lossy cell of a run that is not in the table would be checked by nobody."""
    lossy = {
        (name, cell)
        for name, each in golden.expected().items()
        for cell, found in each["found"].get("verdict.json", {}).items()
        if found["verdict"] == "lossy" and not cell.startswith("http")
    }

    assert {(name, cell) for name, table in built_to_lose.GOLDEN.items() for cell in table} == lossy


def test_another_cause_in_the_table_is_noticed(tmp_path: Path) -> None:
    """The check can fail: the right causes are wrong for a table that expects others."""
    table = dict.fromkeys(built_to_lose.GOLDEN["hasty"], frozenset({"sender-starved"}))

    assert len(built_to_lose.wrong_causes(_verdict("hasty", tmp_path), table)) == 1


@pytest.mark.parametrize("name", ["lifecycle", "traefik", "slow-idle"])
def test_every_lost_request_is_counted_once(name: str, tmp_path: Path) -> None:
    """The causes of a trial account for all of its losses since the change began."""
    for cell, trial in _lossy_trials(name, tmp_path):
        facts = Facts.of(trial)

        assert (cell, sum(cause.lost for cause in causes_of(facts))) == (
            cell,
            int((facts.is_lost & ~facts.is_before).sum()),
        )


def test_without_an_access_log_the_pods_follow_from_the_timeline(tmp_path: Path) -> None:
    """A cluster whose access log is out of reach still gets causes, with the same codes."""
    bare = next(trial for cell, trial in _lossy_trials("lifecycle", tmp_path) if cell == "bare--rolling-update")
    unlogged = replace(bare, paths=PathRecords(controller=bare.paths.controller))

    assert bare.paths.tries
    assert {cause.code for cause in causes_of(Facts.of(unlogged))} == {"listener-closed-early", "network-silent"}


def test_without_a_timeline_losses_are_unexplained(tmp_path: Path) -> None:
    """No evidence, no cause: a rule never guesses from the change alone."""
    bare = next(trial for cell, trial in _lossy_trials("lifecycle", tmp_path) if cell == "bare--delete-pod")
    kept = tuple(event for event in bare.timeline if event.kind in ("change", "phase"))

    assert {cause.code for cause in causes_of(Facts.of(replace(bare, timeline=kept)))} == {"unexplained"}


def test_a_cause_has_its_offsets_pod_and_examples(tmp_path: Path) -> None:
    """Each cause says when its losses were sent relative to the events around them, and for which pod."""
    verdict = _verdict("lifecycle", tmp_path)
    cell = next(cell for cell in verdict["cells"] if cell["id"] == "bare--rolling-update")
    causes = {cause["code"]: cause for cause in cell["trials"][0]["causes"]}
    silent = causes["network-silent"]
    offsets = {each["event"]: each for each in silent["offsets"]}

    assert silent["pods"] == ["apple-zd7rn6qpjd-gd9ml"]
    assert (silent["object"], silent["certainty"]) == ("Deployment/apple", "certain")
    assert offsets["sigterm"]["first_ms"] == pytest.approx(201.0)
    assert offsets["network-removed"]["first_ms"] < 0 < offsets["network-removed"]["last_ms"]
    assert silent["examples"][0] in (RunDirectory.open(tmp_path / "lifecycle").path / _ACCESS).read_text()
    assert json.dumps(silent["remedies"]) != "[]"


_ACCESS = Path("trials/bare--rolling-update/1/access.jsonl")
