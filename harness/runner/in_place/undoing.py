"""What a run that was killed has left changed is put back, from what it wrote down before it changed anything."""

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

#: What is undone after a run's evidence was sealed is written here, outside of what is sealed.
AFTERWARDS = "undone.jsonl"


@dataclass(frozen=True, slots=True)
class Undoing:
    """What ``harness undo`` found and did.

    Attributes:
        plan: Where the change was made.
        made: Whether anything with an undo was ever begun.
        results: What became of each change, this time or before.
        earlier: Of these, what had become of it before.
    """

    plan: InPlacePlan
    made: bool
    results: tuple[UndoResult, ...]
    earlier: tuple[UndoResult, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """0 all is as it was before; 3 something is somebody else's by now; 4 something could not be put back."""
        outcomes = {result.outcome for result in (*self.results, *self.earlier)}
        if UndoOutcome.FAILED in outcomes:
            return ExitCode.HARNESS_FAILED
        return ExitCode.INCONCLUSIVE if outcomes & {UndoOutcome.LEFT, UndoOutcome.GONE} else ExitCode.AS_EXPECTED


def undo_run(directory: Path, *, context: str = "", kubeconfig: str = "") -> Undoing:
    """Put back what a run has left changed; safe to repeat.

    Args:
        directory: The run directory.
        context: Another context than the run's, where the kubeconfig has changed since.
        kubeconfig: Another kubeconfig.

    Raises:
        EvidenceError: That is no run directory, or a journal is damaged.
        InvalidInputError: It was no run in place, it still goes on, or the context leads to another cluster.
    """
    run = RunDirectory.open(directory)
    plan = _plan(run)
    with held(run.path) as locked:
        if not locked:
            raise InvalidInputError(
                [Problem(f"the run in {directory} still goes on", hint="Ctrl-C ends it, and it puts back by itself")]
            )
        journals = [_journal(run, path) for path in sorted(run.path.glob("trials/*/*/undo.jsonl"))]
        earlier = tuple(result for journal in journals for result in journal.settled())
        if not any(journal.open_entries() for journal in journals):
            return Undoing(plan, made=bool(journals), results=(), earlier=earlier)
        with _cluster(plan, context, kubeconfig) as kube:
            mine = ConfinedKube(kube, plan.namespace)
            results = tuple(result for journal in journals for result in undo_all(journal, mine))
    return Undoing(plan, made=True, results=results, earlier=earlier)


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
    """The cluster that was changed, and no other."""
    target = find_context(context or plan.context, kubeconfig or plan.kubeconfig)
    if target.server != plan.server and not context:
        message = f"context {target.context} leads to {target.server}; the change was made on {plan.server}"
        hint = "if that is the same cluster, say so by naming the context: --context NAME"
        raise InvalidInputError([Problem(message, hint=hint)])
    with private_kubeconfig(target) as path, Kube(path) as kube:
        yield kube


def _journal(run: RunDirectory, path: Path) -> UndoJournal:
    """A trial's journal, to be gone on with: not in a folder that is sealed, where it would be an extra file."""
    name = f"{path.parent.parent.name}-{path.parent.name}-{AFTERWARDS}"
    return UndoJournal(path, afterwards=run.path / name if run.is_sealed("evidence") else None)
