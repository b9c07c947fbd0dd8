"""Proves remedies: runs the lossy cells of a run again, as they were and with their remedies applied, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analysis.confidence import LEVEL, needed
from harness.analysis.proportions import clopper_pearson, fisher_fewer
from harness.causes.remedies import applied, covers
from harness.errors import ExitCode, InvalidInputError, Problem
from harness.findings.sending import MachineSaturated
from harness.model.causes import Cause, RemedyPatch
from harness.model.changes import NoChange
from harness.model.confidence import Transitions
from harness.model.experiment import Cell, Configuration, Expectation, ExpectedVerdict, Experiment
from harness.model.proof import RemedyComparison
from harness.model.verdict import CellVerdict, RunVerdict, Verdict
from harness.report.written_files import ProofFile
from harness.runner.judging import read_plan, read_verdict
from harness.runner.options import RunOptions
from harness.runner.progress import RunProgress
from harness.runner.run import RunResult, run_experiment
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json

#: File of the result, in the run directory of the proof.
FILE = "proof.json"
#: Least and most trials of each cell, unless the user gives their number.
LEAST_TRIALS, MOST_TRIALS = 3, 20
_AXIS, _BEFORE, _AFTER = "remedy", "before", "after"


@dataclass(frozen=True, slots=True)
class Proof:
    """The plan of a proof.

    Attributes:
        experiment: The Experiment with each lossy cell twice, before and after.
        cluster: Kind of cluster.
        profile: Delay profile of local clusters.
        pairs: Ids of the cells before and after, by the id of the cell in the earlier run.
        remedies: The remedies applied, by the same id.
        unproven: Ids of the lossy cells for which no field helps.
    """

    experiment: Experiment
    cluster: str
    profile: str
    pairs: Mapping[str, tuple[str, str]]
    remedies: Mapping[str, tuple[RemedyPatch, ...]]
    unproven: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProofResult:
    """The result of a proof.

    Attributes:
        run: The run.
        comparisons: One for each cell with a remedy.
        unproven: Ids of the lossy cells for which no field helps.
    """

    run: RunResult
    comparisons: tuple[RemedyComparison, ...]
    unproven: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """Return 0 if every remedy works, 1 if one does not, 3 if one is unknown, 4 after a bug of the harness."""
        if self.run.bugs:
            return ExitCode.HARNESS_FAILED
        if any(each.works is False for each in self.comparisons):
            return ExitCode.UNEXPECTED
        unknown = not self.comparisons or any(each.works is None for each in self.comparisons)
        return ExitCode.INCONCLUSIVE if unknown else ExitCode.AS_EXPECTED


def plan_proof(directory: Path, *, trials: int = 0, level: float = LEVEL) -> Proof:
    """Return the plan that proves the remedies of a run.

    Args:
        directory: The run directory.
        trials: Trials of each cell; 0 for as many as the confidence needs.
        level: The requested confidence.

    Raises:
        EvidenceError: It is no run directory, was never judged, or is not as it was sealed.
        InvalidInputError: It ran on a cluster of the user, or no cell of it has a remedy.
    """
    run = RunDirectory.open(directory)
    run.verify("verdict")
    plan, verdict = read_plan(run), read_verdict(run)
    if plan.in_place is not None or plan.cluster == "context":
        raise _refused(directory, "it ran on a cluster of yours", "apply the patches of its report, and run it again")
    lossy = [cell for cell in verdict.cells if cell.verdict is Verdict.LOSSY]
    cells = {cell.id: cell for cell in plan.experiment.cells}
    remedies = {cell.id: found for cell in lossy if (found := remedies_of(cell))}
    if not remedies:
        why = "no cell lost requests" if not lossy else "no cell that lost requests has a remedy in a field"
        raise _refused(directory, why, "`harness explain DIR` shows the causes")
    pairs: dict[str, tuple[str, str]] = {}
    planned: dict[str, Cell] = {}
    for name, found in remedies.items():
        before, after = _cells(cells[name], found)
        pairs[name] = before.id, after.id
        for cell in (before, after):
            control = _control(cell, plan.experiment)
            planned |= {control.id: control, cell.id: cell}
    count = trials or max(_trials(cell, level) for cell in lossy if cell.id in remedies)
    copies = tuple(str(path) for path in sorted((run.path / "plan" / "files").glob("*")))
    experiment = replace(
        plan.experiment,
        name=f"{plan.experiment.name}-proof",
        cells=tuple(planned.values()),
        trials=count,
        files=copies,
        description=f"The lossy cells of {directory}, as they were and with the remedies of its report.",
    )
    unproven = tuple(cell.id for cell in lossy if cell.id not in remedies)
    return Proof(experiment, plan.cluster, plan.profile, pairs, remedies, unproven)


def prove(proof: Proof, options: RunOptions, progress: RunProgress, level: float = LEVEL) -> ProofResult:
    """Run a proof, and write its result into the run directory."""
    result = run_experiment(proof.experiment, replace(options, cluster=proof.cluster, profile=proof.profile), progress)
    comparisons = compare(proof, result.verdict, level)
    write_json(result.directory / FILE, to_json(ProofFile(comparisons=comparisons, unproven=proof.unproven)))
    return ProofResult(result, comparisons, proof.unproven)


def compare(proof: Proof, verdict: RunVerdict, level: float = LEVEL) -> tuple[RemedyComparison, ...]:
    """Return the comparison of each cell before and after."""
    cells = {cell.id: cell for cell in verdict.cells}
    return tuple(
        _comparison(name, cells[before], cells[after], proof.remedies[name], level)
        for name, (before, after) in proof.pairs.items()
    )


def remedies_of(cell: CellVerdict) -> tuple[RemedyPatch, ...]:
    """Return the first remedy of each cause of a cell, each once; those that only hide losses are left out.

    A remedy that is part of another one is left out.
    """
    causes: Iterable[Cause] = (cause for trial in cell.trials for cause in trial.causes)
    best: list[RemedyPatch] = []
    for cause in sorted(causes, key=lambda cause: cause.lost):
        for remedy in cause.remedies[:1]:
            if remedy.patch and not remedy.hides and not any(covers(known, remedy) for known in best):
                best = [*(known for known in best if not covers(remedy, known)), remedy]
    return tuple(best)


def _comparison(
    name: str, before: CellVerdict, after: CellVerdict, remedies: tuple[RemedyPatch, ...], level: float
) -> RemedyComparison:
    old, new = (Transitions(c.confidence.transitions, c.confidence.lossy) for c in (before, after))
    chance = fisher_fewer((old.lossy, old.count), (new.lossy, new.count))
    works: bool | None = None
    if after.verdict is Verdict.LOSSY:
        works = False if _is_refuted(after) else None
    elif after.verdict is Verdict.LOSSLESS and before.verdict is Verdict.LOSSY and chance <= 1 - level + 1e-9:
        works = True
    return RemedyComparison(name, old, new, before.lost, after.lost, round(chance, 6), works, remedies)


def _is_refuted(after: CellVerdict) -> bool:
    """Return True if requests were lost in a trial that had the processor time that it needed.

    Where the machine leaves even the sender without it, the probes of the embedded cluster's pods fail, too.
    """
    lossy = (trial for trial in after.trials if trial.verdict is Verdict.LOSSY)
    return any(all(found.code != MachineSaturated.code for found in trial.findings) for trial in lossy)


def _cells(cell: Cell, remedies: tuple[RemedyPatch, ...]) -> tuple[Cell, Cell]:
    """Return a cell as it was, and with its remedies applied."""
    old = cell.configuration
    before = replace(old, axes=(*old.axes, (_AXIS, _BEFORE)))
    manifests = tuple(applied(manifest, remedies) for manifest in old.manifests)
    after = Configuration((*old.axes, (_AXIS, f"{_AFTER}-{cell.change.name}")), manifests)
    expected = Expectation(ExpectedVerdict.LOSSLESS, reason="The remedies of the earlier run are applied.")
    return (
        replace(cell, configuration=before, expectation=Expectation(ExpectedVerdict.ANY, reason="As it was.")),
        replace(cell, configuration=after, expectation=expected),
    )


def _control(cell: Cell, experiment: Experiment) -> Cell:
    """Return the control of a cell, with the hold of the Experiment's own control."""
    controls = (each.change for each in experiment.cells if each.change.facts.is_control)
    return Cell(cell.configuration, next(controls, NoChange(name="none")))


def _trials(cell: CellVerdict, level: float) -> int:
    """Return the trials after which chance no longer explains that no transition after the remedy is lossy."""
    found = cell.confidence
    if not found.transitions:
        return LEAST_TRIALS
    share = clopper_pearson(found.lossy, found.transitions, 2 * level - 1).low
    per_trial = max(1, found.transitions // max(1, len(cell.trials)))
    wanted = needed(share, level) if 0 < share < 1 else LEAST_TRIALS
    return min(MOST_TRIALS, max(LEAST_TRIALS, math.ceil(wanted / per_trial)))


def _refused(directory: Path, why: str, hint: str) -> InvalidInputError:
    return InvalidInputError([Problem(f"{directory}: {why}", hint=hint)])
