"""The changes that a run never makes on an existing cluster, whatever the Experiment says."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import Problem
from harness.model.change_facts import ChangeFacts, TargetKind
from harness.model.changes import ChangeSpec

#: Target of a change that affects more than the trial's namespace -> its effect on others.
_BEYOND: Mapping[TargetKind, str] = {
    TargetKind.CONTROLLER: "would restart the ingress controller, which others on this cluster use too",
    TargetKind.NODE: "would keep the new pods of others from a node of this cluster",
    TargetKind.ANYTHING: "could change objects of others on this cluster, and nothing would undo it",
}
_OWN = "run it on a cluster of its own: --cluster kind or --cluster local"
#: Target -> what to do instead; ``_OWN`` for all others.
_HINTS = {TargetKind.NODE: f"evict with pods: all evicts the workload's pods only; or {_OWN}"}


def reaches_beyond(facts: ChangeFacts) -> bool:
    """Return True if a kind of change affects more than the trial's namespace."""
    return facts.target in _BEYOND


def check_change(change: ChangeSpec) -> Problem | None:
    """Return the problem of a change that affects more than the trial's namespace; None if it does not."""
    target = change.facts.target
    if target not in _BEYOND:
        return None
    return Problem(f"{change.kind} {_BEYOND[target]}", hint=_HINTS.get(target, _OWN))
