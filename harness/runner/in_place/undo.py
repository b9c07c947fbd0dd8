"""Undoes the changes that a killed run has left, from the journal that it wrote before each change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.changes.undo import UndoJournal, UndoOutcome, UndoResult, undo_all
from harness.clusters.context.kubeconfig import find_context
from harness.clusters.context.provider import private_kubeconfig
from harness.errors import EvidenceError, ExitCode, InvalidInputError, Problem
from harness.kit.locks import held
from harness.kube.client import Kube
from harness.kube.confined import ConfinedKube
from harness.runner.plan import InPlacePlan, RunPlan
from harness.store.records import from_json
from harness.store.rundir import RunDirectory

#: Journal of undos after the run's evidence was sealed; it lies outside the sealed folders.
AFTERWARDS = "undone.jsonl"


@dataclass(frozen=True, slots=True)
class UndoReport:
    """The result of ``harness undo``.

    Attributes:
        plan: The changed application.
        made: A change with an undo was begun.
        results: Outcome of each change that was undone now.
        earlier: Outcome of each change that had been undone before.
    """

    plan: InPlacePlan
    made: bool
    results: tuple[UndoResult, ...]
    earlier: tuple[UndoResult, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code.

        0: all is as it was before. 3: somebody else has changed or removed something since. 4: an undo failed.
        """
        outcomes = {result.outcome for result in (*self.results, *self.earlier)}
        if UndoOutcome.FAILED in outcomes:
            return ExitCode.HARNESS_FAILED
        return ExitCode.INCONCLUSIVE if outcomes & {UndoOutcome.LEFT, UndoOutcome.GONE} else ExitCode.AS_EXPECTED


def undo_run(directory: Path, *, context: str = "", kubeconfig: str = "") -> UndoReport:
    """Undo the changes that a run has left; safe to repeat.

    Args:
        directory: The run directory.
        context: Context to use if the kubeconfig has changed since the run; empty for the run's own.
        kubeconfig: Kubeconfig to use; empty for the run's own.

    Raises:
        EvidenceError: The directory is no run directory, or a journal is damaged.
        InvalidInputError: The run was not in place, is still active, or the context belongs to another cluster.
    """
    run = RunDirectory.open(directory)
    plan = _plan(run)
    with held(run.path) as locked:
        if not locked:
            raise InvalidInputError(
                [
                    Problem(
                        f"the run in {directory} is still active",
                        hint="Ctrl-C ends it, and it undoes its change itself",
                    )
                ]
            )
        journals = [_journal(run, path) for path in sorted(run.path.glob("trials/*/*/undo.jsonl"))]
        earlier = tuple(result for journal in journals for result in journal.settled())
        if not any(journal.open_entries() for journal in journals):
            return UndoReport(plan, made=bool(journals), results=(), earlier=earlier)
        with _cluster(plan, context, kubeconfig) as kube:
            mine = ConfinedKube(kube, plan.namespace)
            results = tuple(result for journal in journals for result in undo_all(journal, mine))
    return UndoReport(plan, made=True, results=results, earlier=earlier)


def _plan(run: RunDirectory) -> InPlacePlan:
    try:
        plan = from_json(RunPlan, json.loads((run.path / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{run.path / 'run.json'} can't be read: {error}.") from error
    if plan.in_place is None:
        message = f"{run.path} is not a run in place: what it changed was in a namespace of its own"
        raise InvalidInputError([Problem(message)])
    return plan.in_place


@contextmanager
def _cluster(plan: InPlacePlan, context: str, kubeconfig: str) -> Iterator[Kube]:
    """Connect to the cluster that was changed, and to no other."""
    target = find_context(context or plan.context, kubeconfig or plan.kubeconfig)
    if target.server != plan.server and not context:
        message = f"context {target.context} is for {target.server}; the change was made on {plan.server}"
        hint = "if that is the same cluster, confirm it with --context NAME"
        raise InvalidInputError([Problem(message, hint=hint)])
    with private_kubeconfig(target) as path, Kube(path) as kube:
        yield kube


def _journal(run: RunDirectory, path: Path) -> UndoJournal:
    """Open a trial's undo journal so that new entries go outside the sealed folder.

    In a sealed folder they would be an extra file.
    """
    name = f"{path.parent.parent.name}-{path.parent.name}-{AFTERWARDS}"
    return UndoJournal(path, afterwards=run.path / name if run.is_sealed("evidence") else None)
