"""The Experiments whose lossy rows are proved, and the record of each proof."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.causes.registry import explained
from harness.model.causes import Cause
from harness.model.verdict import CellVerdict, Verdict
from harness.report.written_files import ProofFile
from harness.runner.judging import read_plan, read_verdict
from harness.runner.prove import FILE, LEAST_TRIALS, remedies_of
from harness.store.records import from_json
from harness.store.rundir import RunDirectory

ROOT = Path(__file__).parents[3]
MEASURED = ROOT / "tests" / "proofs" / "measured.json"
#: Experiment -> the rows that are run, in the form of ``--only``; empty for all of them.
EXPERIMENTS: Mapping[str, str] = {
    "experiments/sabotage-rollout.yaml": "",
    "experiments/sabotage-slow-answers.yaml": "",
    "experiments/sabotage-deletion.yaml": "",
    "experiments/sabotage-traefik.yaml": "",
    "experiments/exercise-1.yaml": "",
    "experiments/exercise-1-hook.yaml": "",
    "experiments/exercise-3-switch.yaml": "",
    "experiments/hidden-by-retries.yaml": "stop=killed",
    "experiments/sent-again-by-client.yaml": "",
    "experiments/service-entry.yaml": "",
    "tests/proofs/slow-answers-cut.yaml": "",
}


@dataclass(frozen=True)
class Counted:
    """Transitions of a cell.

    Attributes:
        lossy: Those that lost requests.
        count: All of them.
        lost: Requests that they lost.
    """

    lossy: int
    count: int
    lost: int


@dataclass(frozen=True)
class Row:
    """A lossy row and the proof of its remedy.

    Attributes:
        experiment: Its Experiment.
        cell: Its id.
        cluster: The kind of cluster.
        causes: Requests lost by each cause, in the run whose remedies are proved.
        remedy: The fields that the remedy sets; empty if no field helps.
        advice: The advice instead, if no field helps.
        before: The row as it was; None if no field helps.
        after: The row with the remedy; None if no field helps.
        left: Requests lost by each cause with the remedy.
        left_advice: The advice about the first of these causes; empty if nothing is left.
        works: What ``harness prove`` says: None if it does not know, or no field helps.
        trials: Trials before and after.
        date: Date of the proof.
        version: The harness.
    """

    experiment: str
    cell: str
    cluster: str
    causes: Mapping[str, int]
    remedy: str
    advice: str
    before: Counted | None
    after: Counted | None
    works: bool | None
    trials: int
    date: str
    version: str
    left: Mapping[str, int] = field(default_factory=dict)
    left_advice: str = ""

    @property
    def is_proved(self) -> bool:
        """Return True if the remedy works, in three trials or more."""
        return self.works is True and self.trials >= LEAST_TRIALS


def rows_of(experiment: str, run: Path, proof: Path) -> list[Row]:
    """Return the rows of a run that lost requests, with their proof.

    Args:
        experiment: Path of the Experiment, relative to the checkout.
        run: The run directory.
        proof: The run directory of the proof; one that does not exist proves nothing.
    """
    cells = [cell for cell in read_verdict(RunDirectory.open(run)).cells if cell.verdict is Verdict.LOSSY]
    directory = RunDirectory.open(proof if proof.is_dir() else run)
    verdict, cluster = read_verdict(directory), read_plan(directory).cluster
    date, version = verdict.started[:10], str(verdict.environment.get("harness", ""))
    written = json.loads((proof / FILE).read_text()) if proof.is_dir() else {"comparisons": [], "unproven": []}
    proved = {each.cell: each for each in from_json(ProofFile, {"version": 1, **written}).comparisons}
    rows = []
    for cell in cells:
        causes, found = _causes(cell), proved.get(cell.id)
        left = [cause for each in verdict.cells if found and each.id == _after(cell) for cause in _causes(each)]
        rows.append(
            Row(
                experiment=experiment,
                cell=cell.id,
                cluster=cluster,
                causes=_lost(causes),
                remedy=", ".join(dict.fromkeys(part for each in remedies_of(cell) for part in changes(each.patch))),
                advice="" if found else _advice(causes),
                before=Counted(found.before.lossy, found.before.count, found.lost_before) if found else None,
                after=Counted(found.after.lossy, found.after.count, found.lost_after) if found else None,
                works=found.works if found else None,
                trials=max(len(each.trials) for each in verdict.cells) if found else 0,
                date=date,
                version=version,
                left=_lost(left),
                left_advice=_advice(left) if left else "",
            )
        )
    return rows


def _causes(cell: CellVerdict) -> list[Cause]:
    return [cause for trial in cell.trials for cause in trial.causes]


def _after(cell: CellVerdict) -> str:
    """Return the id of a cell with its remedies."""
    configuration, _, change = cell.id.partition("--")
    return f"{configuration}+after-{change}--{change}"


def _lost(causes: Iterable[Cause]) -> dict[str, int]:
    """Return the requests lost by each cause, the largest cause of a trial first."""
    found: dict[str, int] = {}
    for cause in sorted(causes, key=lambda cause: -cause.lost):
        found[cause.code] = found.get(cause.code, 0) + cause.lost
    return found


def _advice(causes: Iterable[Cause]) -> str:
    return explained(max(causes, key=lambda cause: cause.lost)).advice


def changes(patch: Mapping[str, Any], parent: str = "") -> list[str]:
    """Return the values that a patch sets, each with the last two words of its path."""
    found: list[str] = []
    for key, value in patch.items():
        if key in {"name", "$retainKeys"} or value is None:
            continue
        if isinstance(value, Mapping):
            found += changes(value, key)
        elif isinstance(value, list):
            found += [part for each in value if isinstance(each, Mapping) for part in changes(each)]
        else:
            found.append(f"{parent}.{key}: {value}" if parent not in {"", "spec"} else f"{key}: {value}")
    return found


def read(path: Path = MEASURED) -> list[Row]:
    """Return the recorded rows."""
    content = json.loads(path.read_text()) if path.exists() else []

    def counted(found: dict[str, int] | None) -> Counted | None:
        return None if found is None else Counted(**found)

    return [Row(**{**each, "before": counted(each["before"]), "after": counted(each["after"])}) for each in content]


def record(rows: Iterable[Row], path: Path = MEASURED) -> None:
    """Add rows to the record, in place of earlier ones of the same cells on the same kind of cluster."""
    new = {(row.experiment, row.cell, row.cluster): row for row in rows}
    kept = {(row.experiment, row.cell, row.cluster): row for row in read(path)} | new
    order = list(EXPERIMENTS)
    listed = sorted(kept.values(), key=lambda row: (order.index(row.experiment), row.cell, row.cluster))
    path.write_text(json.dumps([asdict(row) for row in listed], indent=1) + "\n")
