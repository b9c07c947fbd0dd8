"""What is never done on somebody else's cluster, whatever an Experiment asks for."""

from __future__ import annotations

from harness.errors import Problem
from harness.model.change_facts import ChangeFacts, TargetKind
from harness.model.changes import ChangeSpec


def reaches_beyond(facts: ChangeFacts) -> bool:
    """Return whether a kind of change reaches beyond the trial's namespace."""
    return facts.target is TargetKind.CONTROLLER


def check_change(change: ChangeSpec) -> Problem | None:
    """Return the problem of a change that reaches beyond the trial's namespace; None where there is none."""
    if not reaches_beyond(change.facts):
        return None
    message = f"{change.kind} would restart the ingress controller that others on this cluster use, too"
    return Problem(message, hint="run it on a cluster that the harness makes: --cluster kind or --cluster local")
