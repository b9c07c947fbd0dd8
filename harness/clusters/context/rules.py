"""The changes that a run never makes on an existing cluster, whatever the Experiment says."""

from __future__ import annotations

from harness.errors import Problem
from harness.model.change_facts import ChangeFacts, TargetKind
from harness.model.changes import ChangeSpec


def reaches_beyond(facts: ChangeFacts) -> bool:
    """Return True if a kind of change affects more than the trial's namespace."""
    return facts.target in {TargetKind.CONTROLLER, TargetKind.NODE, TargetKind.ANYTHING}


def check_change(change: ChangeSpec) -> Problem | None:
    """Return the problem of a change that affects more than the trial's namespace; None if it does not."""
    if not reaches_beyond(change.facts):
        return None
    own = "run it on a cluster of its own: --cluster kind or --cluster local"
    if change.facts.target is TargetKind.NODE:
        message = f"{change.kind} would keep the new pods of others from a node of this cluster"
        return Problem(message, hint=f"evict with pods: all evicts the workload's pods only; or {own}")
    if change.facts.target is TargetKind.ANYTHING:
        return Problem(
            f"{change.kind} could change objects of others on this cluster, and nothing would undo it", hint=own
        )
    message = f"{change.kind} would restart the ingress controller, which others on this cluster use too"
    return Problem(message, hint=own)
