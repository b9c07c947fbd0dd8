"""Objects that a change creates: what takes them away again is on disk before they are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from harness.changes.base import Made, Stage
from harness.kube.pointer import pointer

#: The label that an object created here has: only one with the very value in the journal is taken away.
MARK = "zero-loss-harness/made"


def create_with_undo(stage: Stage, manifest: Mapping[str, Any], number: int) -> Made:
    """Create an object.

    Args:
        stage: Where.
        manifest: It; gets a label by which it is known again.
        number: The repetition.

    Raises:
        KubeError: There is one already, or the server refuses it.
    """
    kind, metadata = manifest["kind"], manifest["metadata"]
    token = uuid4().hex[:16]
    marked = {**manifest, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), MARK: token}}}
    operations = (
        {"op": "test", "path": pointer("metadata", "labels", MARK), "value": token},
        {"op": "remove", "path": ""},
    )
    entry = stage.undo.prepare(
        f"{kind} {metadata['name']}: created", kind, metadata["name"], stage.namespace, operations
    )
    begun = stage.clock.now()
    target = stage.kube.create(marked, stage.namespace)
    detail = {"object": f"{kind}/{metadata['name']}", "fields": "created"}
    return Made(number, begun, stage.clock.now(), entry, target, detail=detail)
