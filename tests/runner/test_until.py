"""A run that repeats until a bound is reached: when a cell leaves, and what the exit code says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.cli.json_schemas import output_schema
from harness.model.changes import DeletePod, NoChange
from harness.model.confidence import Confidence
from harness.model.experiment import Cell, Configuration, Experiment
from harness.model.verdict import CellVerdict, RunVerdict, Verdict
from harness.report.written_files import UntilFile
from harness.runner.options import RunOptions
from harness.runner.run import RunResult
from harness.runner.until import FILE, UntilResult, run_until
from harness.testing.evidence import PLAN
from harness.testing.reports import sample_run

NONE, DELETE = NoChange(name="none"), DeletePod(name="delete-pod", deployment="apple")
EXPERIMENT = Experiment(
    name="e",
    source="e.yaml",
    files=(),
    ingress="ingress-nginx",
    traffic=PLAN,
    cells=tuple(
        Cell(Configuration((("pod", name),), ()), change) for name in ("bare", "graceful") for change in (NONE, DELETE)
    ),
)


class Rounds:
    """A fake of the runner: each round has the next transitions of each configuration."""

    def __init__(self, folder: Path, **lossy: list[int]) -> None:
        self.folder, self.lossy = folder, {name: iter(each) for name, each in lossy.items()}
        self.ran: list[tuple[str, ...]] = []
        self.outs: list[Path | None] = []

    def __call__(self, experiment: Experiment, options: RunOptions) -> RunResult:
        """Return the verdict of one round, in which each change is repeated ten times."""
        self.ran.append(tuple(cell.id for cell in experiment.cells))
        self.outs.append(options.out)
        directory = options.out or self.folder
        directory.mkdir(exist_ok=True)
        return RunResult(directory, self._verdict(experiment), (), interrupted=False)

    def _verdict(self, experiment: Experiment) -> RunVerdict:
        run = sample_run()
        cells = tuple(self._cells(experiment, run.cells[0]))
        unexpected = any(cell.verdict is Verdict.LOSSY for cell in cells)
        return replace(run, cells=cells, exit_code=int(unexpected))

    def _cells(self, experiment: Experiment, sample: CellVerdict) -> Iterator[CellVerdict]:
        for cell in experiment.cells:
            is_control = cell.change.facts.is_control
            lost = 0 if is_control else next(self.lossy[cell.configuration.name])
            verdict = Verdict.LOSSY if lost > 0 else Verdict.INCONCLUSIVE if lost < 0 else Verdict.LOSSLESS
            counted = Confidence(0 if is_control else 10, max(lost, 0))
            yield replace(sample, id=cell.id, change_kind=cell.change.kind, verdict=verdict, confidence=counted)


def _until(rounds: Rounds, *, most: int = 100) -> UntilResult:
    return run_until(EXPERIMENT, RunOptions(), rounds, 0.05, most=most)


def test_each_cell_leaves_when_its_bound_is_reached(tmp_path: Path) -> None:
    """80 lossless transitions are enough for 1 in 20, so both cells leave after 8 rounds."""
    found = _until(Rounds(tmp_path / "run", bare=[0] * 20, graceful=[0] * 20))

    assert len(found.rounds) == 8
    assert [(cell.transitions.count, cell.is_reached) for cell in found.cells] == [(80, True), (80, True)]
    assert found.exit_code == 0


def test_a_lossy_cell_leaves_at_once_with_its_control(tmp_path: Path) -> None:
    """The other cell goes on, and the exit code is that of the loss."""
    rounds = Rounds(tmp_path / "run", bare=[1], graceful=[0] * 20)
    found = _until(rounds)

    assert len(rounds.ran[0]) == 4
    assert set(rounds.ran[1:]) == {("graceful--none", "graceful--delete-pod")}
    assert found.exit_code == 1


def test_an_inconclusive_round_does_not_count(tmp_path: Path) -> None:
    """Unknown is not success: its transitions are not added."""
    found = _until(Rounds(tmp_path / "run", bare=[0, -1, *[0] * 20], graceful=[0] * 20))

    assert (len(found.rounds), {cell.transitions.count for cell in found.cells}) == (9, {80})


def test_too_few_rounds_are_inconclusive(tmp_path: Path) -> None:
    """A bound that was not reached is no success."""
    found = _until(Rounds(tmp_path / "run", bare=[0] * 20, graceful=[0] * 20), most=3)

    assert (len(found.rounds), found.exit_code) == (3, 3)


def test_rounds_have_sibling_directories_and_a_result(tmp_path: Path) -> None:
    """The result is next to the evidence of the first round."""
    rounds = Rounds(tmp_path / "run", bare=[0] * 20, graceful=[0] * 20)
    _until(rounds, most=3)
    written = json.loads((tmp_path / "run" / FILE).read_text())
    Draft202012Validator(output_schema(UntilFile)).validate(written)

    assert rounds.outs == [None, tmp_path / "run-2", tmp_path / "run-3"]
    assert written["cells"][0]["transitions"] == {"count": 30, "lossy": 0}
    assert written["cells"][0]["at_most"] == pytest.approx(0.115, abs=0.02)
