"""An Ingress is edited under traffic, which makes nginx reload its whole configuration."""

from __future__ import annotations

from typing import Any

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen, patch_with_undo, substituted
from harness.kube.strategic import json_merge
from harness.model.changes import IngressEdit


class Edit(Change[IngressEdit]):
    """See ``harness.model.changes.IngressEdit``; observed when the ingress controller has reloaded since."""

    undo_when = UndoWhen.BETWEEN

    def make(self, stage: Stage, number: int) -> Made:
        """Patch annotations and whatever else the user asked for."""
        annotations: dict[str, Any] = {"metadata": {"annotations": substituted(self.spec.annotations, number)}}
        patch = substituted(self.spec.patch, number)
        whole = json_merge(annotations if self.spec.annotations else {}, patch)
        return patch_with_undo(stage, "Ingress", self.spec.ingress, whole, "merge", number)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """The reload."""
        return _reload_missing(stage, made.begun)

    def missing_after_undo(self, stage: Stage, made: Made, undone: int) -> Missing:
        """Another reload."""
        del made
        return _reload_missing(stage, undone)


def _reload_missing(stage: Stage, since: int) -> Missing:
    return () if stage.ingress_seen("reload", since) else ("the ingress controller to reload",)
