"""A restart of the ingress controller, through which every connection goes."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.applied import AppliedChange
from harness.changes.context import Missing
from harness.changes.repetition import Repetition
from harness.changes.rollouts import replaced_missing, restart
from harness.errors import HarnessError
from harness.model.changes import ControllerRestart


def carry_out(repetition: Repetition[ControllerRestart]) -> bool:
    """Restart the controller as ``kubectl rollout restart`` does. There is nothing to undo.

    The restart is observed when the rollout of its Deployment is complete, its old pods are gone, and traffic has been
    answered since: by a new pod, because no other is left.
    """
    context, controller = repetition.context, repetition.context.controller
    if controller is None:
        raise HarnessError(
            "The ingress controller can't be restarted: its Deployment is unknown.",
            hint="use a cluster of the harness (--cluster local or kind), with an ingress controller",
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
