"""An edit of an Ingress."""

from __future__ import annotations

from harness.changes.applied import patch_target
from harness.changes.context import ChangeContext, Missing
from harness.changes.repetition import Repetition
from harness.model.changes import IngressEdit
from harness.model.controllers import RELOAD, Aspect, signals_of


def carry_out(repetition: Repetition[IngressEdit]) -> bool:
    """Patch annotations and other fields of the Ingress, as in the spec.

    The edit is observed when the ingress controller has put rules into effect since. It is also observed if the
    controller logs that it read the Ingress and had nothing to change (``Signal.unchanged``), as Traefik does for an
    annotation of ingress-nginx.
    """
    context = repetition.context
    return repetition.act(
        lambda: patch_target(context, repetition.spec, repetition.number),
        lambda applied: _edit_missing(context, applied.begun),
        lambda _applied, begun: _edit_missing(context, begun),
    )


def _edit_missing(context: ChangeContext, since: int) -> Missing:
    signals = signals_of(Aspect.RULES, context.ingress_signals) or (RELOAD,)
    unchanged = any(signal.unchanged and context.ingress_seen(signal.unchanged, since) for signal in signals)
    if unchanged or context.ingress_did(Aspect.RULES, since):
        return ()
    return (f"the ingress controller to {' or '.join(signal.awaited for signal in signals)}",)
