"""An Ingress is edited under traffic."""

from __future__ import annotations

from typing import Any

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen, patch_with_undo, substituted
from harness.kube.strategic import json_merge
from harness.model.changes import IngressEdit
from harness.model.controllers import RELOAD, Aspect, signals_of


class Edit(Change[IngressEdit]):
    """See ``harness.model.changes.IngressEdit``.

    Observed when the ingress controller was seen to put rules into effect since. One that logs that it read the Ingress
    and had nothing to change (``Signal.unchanged``), as Traefik does for an annotation of ingress-nginx, has taken the
    edit over as well.
    """

    undo_when = UndoWhen.BETWEEN

    def make(self, stage: Stage, number: int) -> Made:
        """Patch annotations and whatever else the user asked for."""
        annotations: dict[str, Any] = {"metadata": {"annotations": substituted(self.spec.annotations, number)}}
        patch = substituted(self.spec.patch, number)
        whole = json_merge(annotations if self.spec.annotations else {}, patch)
        return patch_with_undo(stage, "Ingress", self.spec.ingress, whole, "merge", number)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """Return the signal of the edit that is missing."""
        return _edit_missing(stage, made.begun)

    def missing_after_undo(self, stage: Stage, made: Made, undone: int) -> Missing:
        """Return the signal of the undo that is missing."""
        del made
        return _edit_missing(stage, undone)


def _edit_missing(stage: Stage, since: int) -> Missing:
    signals = signals_of(Aspect.RULES, stage.ingress_tells) or (RELOAD,)
    unchanged = any(signal.unchanged and stage.ingress_seen(signal.unchanged, since) for signal in signals)
    if unchanged or stage.ingress_did(Aspect.RULES, since):
        return ()
    return (f"the ingress controller to {' or '.join(signal.awaited for signal in signals)}",)
