"""A rolling update of the ingress controller itself, under traffic: every connection goes through what is replaced."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.applied import AppliedChange
from harness.changes.context import Missing
from harness.changes.repetition import Repetition
from harness.changes.rollouts import replaced_missing, restart
from harness.errors import HarnessError
from harness.model.changes import ControllerRestart


def carry_out(repetition: Repetition[ControllerRestart]) -> bool:
    """Restart the controller as ``kubectl rollout restart`` does; there is nothing to undo.

    Seen when the rollout of its Deployment is complete, its old pods are gone, and traffic has been answered since
    then: by a new pod, for there is no other.
    """
    context, controller = repetition.context, repetition.context.controller
    if controller is None:
        raise HarnessError(
            "The ingress controller's own Deployment is not known here, so it can't be restarted.",
            hint="clusters of the harness have one: --cluster local or kind, unless ingress is none",
        )
    there = replace(context, namespace=controller.namespace)
    replaced = 0

    def missing(applied: AppliedChange) -> Missing:
        nonlocal replaced
        left = replaced_missing(there, applied)
        if left:
            return left
        replaced = replaced or context.clock.now()
        return () if context.answered("*", replaced) else ("an answer through the new controller",)

    return repetition.act(lambda: restart(there, controller.deployment), missing)
