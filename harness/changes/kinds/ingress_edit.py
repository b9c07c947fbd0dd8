"""An edit of an Ingress."""

from __future__ import annotations

from harness.changes.applied import patch_target
from harness.changes.context import ChangeContext, Missing
from harness.changes.repetition import Repetition
from harness.model.changes import IngressEdit
from harness.model.controllers import ENDPOINTS, RELOAD, Aspect, signals_of


def carry_out(repetition: Repetition[IngressEdit]) -> bool:
    """Patch annotations and other fields of the Ingress, as in the spec.

    The edit is observed when the ingress controller has put rules into effect since. An edit that changes only what the
    controller applies together with endpoints, such as the weight of a canary, is observed when endpoints are in
    effect. It is also observed if the controller logs that it read the Ingress and had nothing to change
    (``Signal.unchanged``), as Traefik does for an annotation of ingress-nginx.
    """
    context, aspect = repetition.context, repetition.spec.awaits_ingress
    return repetition.act(
        lambda: patch_target(context, repetition.spec, repetition.number),
        lambda applied: _edit_missing(context, aspect, applied.begun),
        lambda _applied, begun: _edit_missing(context, aspect, begun),
    )


def _edit_missing(context: ChangeContext, aspect: Aspect, since: int) -> Missing:
    usual = RELOAD if aspect is Aspect.RULES else ENDPOINTS
    signals = signals_of(aspect, context.ingress_signals) or (usual,)
    unchanged = any(signal.unchanged and context.ingress_seen(signal.unchanged, since) for signal in signals)
    if unchanged or context.ingress_did(aspect, since):
        return ()
    return (f"the ingress controller to {' or '.join(signal.awaited for signal in signals)}",)
