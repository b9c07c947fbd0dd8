"""Writes to the API server. The undo of each is on disk before the request is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from harness.changes.context import ChangeContext
from harness.changes.difference import undo_operations, with_actual_values
from harness.changes.undo import UndoEntry
from harness.controllers.registry import in_namespace
from harness.errors import HarnessError
from harness.kube.api import Object, Strategy
from harness.kube.pointer import pointer
from harness.kube.strategic import json_merge, strategic_merge
from harness.model.changes import ChangeSpec
from harness.model.events import Applied

#: Label of the objects that a change creates. An undo deletes only an object whose label has the value in the journal.
MARK = "zero-loss-harness/made"


@dataclass(frozen=True, slots=True)
class AppliedChange:
    """A write that the API server has accepted.

    Attributes:
        begun: Time just before the request.
        applied: Time just after the answer.
        entry: Its undo; None if there is none.
        target: The changed object, as the API server returned it.
        before: Facts from before the change (uids of pods, generation).
        pointless: Reason why the write can never be observed (it changes nothing); empty if it can.
        detail: Facts for the timeline.
    """

    begun: int
    applied: int
    entry: UndoEntry | None = None
    target: Object = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    pointless: str = ""
    detail: Applied = field(default_factory=Applied)


def patch_with_undo(
    context: ChangeContext, kind: str, name: str, patch: Mapping[str, Any], strategy: Strategy
) -> AppliedChange:
    """Patch an object. Its undo is on disk before the request is sent.

    Raises:
        KubeError: There is no such object, or the server refuses the patch.
    """
    patch = in_namespace(patch, context.namespace)
    original = context.kube.get(kind, name, context.namespace)
    merge = strategic_merge if strategy == "strategic" else json_merge
    operations = undo_operations(original, merge(original, patch))
    if not operations:
        now = context.clock.now()
        return AppliedChange(now, now, target=original, pointless=f"the patch changes nothing in {kind} {name}")
    fields = ", ".join(dict.fromkeys(operation["path"] for operation in operations))
    entry = context.undo.prepare(f"{kind} {name}: {fields}", kind, name, context.namespace, operations)
    begun = context.clock.now()
    answer = context.kube.patch(kind, name, context.namespace, patch, strategy=strategy)
    applied = context.clock.now()
    actual = with_actual_values(operations, answer)
    if actual != operations:
        entry = context.undo.amend(entry, actual)
    detail = Applied(object=f"{kind}/{name}", fields=fields)
    return AppliedChange(begun, applied, entry, answer, {"object": original}, detail=detail)


def patch_target(context: ChangeContext, spec: ChangeSpec, number: int) -> AppliedChange:
    """Apply the patch of a change. Its undo is on disk before the request is sent.

    Raises:
        KubeError: There is no such object, or the server refuses the patch.
        HarnessError: The object has nothing that the change can patch.
    """
    kind, name = spec.target.value, spec.target_name
    patch = spec.patch_of(context.kube.get(kind, name, context.namespace), number)
    if patch is None:
        raise HarnessError(f"{kind} {name} has nothing that {spec.kind} can patch.")
    return patch_with_undo(context, kind, name, patch.body, patch.strategy)


def create_with_undo(context: ChangeContext, manifest: Mapping[str, Any]) -> AppliedChange:
    """Create an object with a label that identifies it. Its undo is on disk before the request is sent.

    Raises:
        KubeError: The object exists already, or the server refuses it.
    """
    kind, metadata = manifest["kind"], manifest["metadata"]
    name, token = metadata["name"], uuid4().hex[:16]
    marked = {**manifest, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), MARK: token}}}
    operations = (
        {"op": "test", "path": pointer("metadata", "labels", MARK), "value": token},
        {"op": "remove", "path": ""},
    )
    entry = context.undo.prepare(f"{kind} {name}: created", kind, name, context.namespace, operations)
    begun = context.clock.now()
    target = context.kube.create(marked, context.namespace)
    detail = Applied(object=f"{kind}/{name}", fields="created")
    return AppliedChange(begun, context.clock.now(), entry, target, detail=detail)


def patch_created(context: ChangeContext, kind: str, name: str, patch: Mapping[str, Any]) -> AppliedChange:
    """Patch an object that the change created. The journal already has its deletion."""
    begun = context.clock.now()
    target: Object = context.kube.patch(kind, name, context.namespace, patch, strategy="merge")
    return AppliedChange(begun, context.clock.now(), target=target, detail=Applied(object=f"{kind}/{name}"))
