"""An Ingress is edited under traffic: nginx reloads its whole configuration, Traefik takes over another."""

from __future__ import annotations

from typing import Any

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen, patch_with_undo
from harness.kube.strategic import json_merge
from harness.model.changes import IngressEdit, substituted


class Edit(Change[IngressEdit]):
    """See ``harness.model.changes.IngressEdit``; observed when the ingress controller has reloaded since.

    Traefik does not reload: it takes over another configuration, or says that it has looked at the Ingress (``sync``)
    and that nothing of its configuration changes, as with annotations that are ingress-nginx's.
    """

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
    done = stage.ingress_did("reload", since)
    if "configured" in stage.ingress_tells:
        seen = done or stage.ingress_seen("sync", since)
        return () if seen else ("the ingress controller to take the Ingress over",)
    return () if done else ("the ingress controller to reload",)
