"""The pods that a ReplicaSet keeps, releases and adopts."""

from __future__ import annotations

import pytest

from harness.localkube.controllers.replicaset import claim_of
from harness.localkube.machinery.objects import Object

SET: Object = {
    "metadata": {"name": "web-1", "namespace": "default", "uid": "rs-1"},
    "spec": {"selector": {"matchLabels": {"app": "web", "hash": "1"}}},
}


def pod(*, labels: dict[str, str], owner: str = "", phase: str = "Running", deleting: bool = False) -> Object:
    """Build a pod whose controller has this uid."""
    owners = [{"kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}] if owner else []
    metadata: Object = {"name": "p", "labels": labels, "ownerReferences": owners}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "status": {"phase": phase}}


OURS = {"app": "web", "hash": "1"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pod(labels=OURS, owner="rs-1"), "keep"),
        (pod(labels={"hash": "1"}, owner="rs-1"), "release"),
        (pod(labels=OURS), "adopt"),
        (pod(labels={"app": "web"}), ""),
        (pod(labels=OURS, owner="rs-2"), ""),
        (pod(labels=OURS, deleting=True), ""),
        (pod(labels=OURS, phase="Failed"), ""),
        (pod(labels={}, owner="rs-1", deleting=True), ""),
    ],
)
def test_a_pod_is_kept_released_or_adopted(given: Object, expected: str) -> None:
    """The controller and the labels decide; pods of other controllers and ending pods are ignored."""
    claim = claim_of(SET, [given])
    found = {name for name in ("keep", "release", "adopt") if getattr(claim, name)}

    assert found == ({expected} if expected else set())
