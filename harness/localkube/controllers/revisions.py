"""Order a Deployment's ReplicaSets by revision, annotate them, and build new ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.kube.copies import copied
from harness.localkube.controllers.rollout import Bounds, SetSize, resolve_bounds
from harness.localkube.controllers.template_hash import HASH_LABEL, same_template, template_hash
from harness.localkube.machinery.objects import Object, owner_reference

_PREFIX = "deployment.kubernetes.io/"
REVISION = _PREFIX + "revision"
DESIRED = _PREFIX + "desired-replicas"
LARGEST = _PREFIX + "max-replicas"
_NOT_COPIED = {REVISION, DESIRED, LARGEST, "kubectl.kubernetes.io/last-applied-configuration"}


def annotations_of(obj: Object) -> dict[str, str]:
    """Return the annotations; empty if there are none."""
    return obj["metadata"].get("annotations") or {}


def revision_of(obj: Object) -> int:
    """Return the revision; 0 if there is none."""
    return int(annotations_of(obj).get(REVISION, "0"))


def replicas_of(obj: Object) -> int:
    """Return ``spec.replicas``; 1 if it is absent."""
    value = obj["spec"].get("replicas")
    return 1 if value is None else int(value)


def bounds_of(deployment: Object) -> Bounds:
    """Return the bounds of a Deployment's rollout; Recreate has no surge, and all its pods may be unavailable."""
    replicas = replicas_of(deployment)
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Bounds(replicas, 0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    return resolve_bounds(replicas, rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"))


def split(deployment: Object, owned: Sequence[Object]) -> tuple[Object | None, list[Object]]:
    """Return the ReplicaSet of the current template, and all others from the oldest to the newest.

    If several ReplicaSets have the current template, the oldest counts.
    """
    ordered = sorted(owned, key=age_of)
    template = deployment["spec"]["template"]
    new = next((each for each in ordered if same_template(each["spec"]["template"], template)), None)
    return new, [each for each in ordered if each is not new]


def age_of(obj: Object) -> str:
    """Return a sort key that puts the oldest object first; the revision decides within the same second."""
    return f"{obj['metadata'].get('creationTimestamp', '')} {revision_of(obj):08} {obj['metadata']['name']}"


def size_of(replica_set: Object) -> SetSize:
    """Return the numbers of a ReplicaSet that the rollout computes with."""
    return SetSize(
        name=replica_set["metadata"]["name"],
        desired=replicas_of(replica_set),
        available=(replica_set.get("status") or {}).get("availableReplicas", 0),
        age=age_of(replica_set),
        largest=int(annotations_of(replica_set).get(LARGEST, "0")),
    )


def was_scaled(deployment: Object, owned: Sequence[Object]) -> bool:
    """Return True if the Deployment's replicas were changed since its ReplicaSets were last resized."""
    wanted = str(replicas_of(deployment))
    return any(replicas_of(each) > 0 and annotations_of(each).get(DESIRED, wanted) != wanted for each in owned)


def size_annotations(bounds: Bounds) -> dict[str, str]:
    """Return the annotations that record the Deployment's size on a ReplicaSet."""
    return {DESIRED: str(bounds.replicas), LARGEST: str(bounds.most)}


def wanted_annotations(deployment: Object, new: Object | None, olds: Sequence[Object]) -> Mapping[str, str]:
    """Return the annotations of the current ReplicaSet: the Deployment's own, and the highest revision."""
    kept = {name: value for name, value in annotations_of(deployment).items() if name not in _NOT_COPIED}
    highest = max((revision_of(each) for each in olds), default=0)
    revision = max(highest + 1, revision_of(new) if new else 0)
    return {**kept, REVISION: str(revision)}


def new_replica_set(deployment: Object, olds: Sequence[Object], bounds: Bounds, replicas: int) -> Object:
    """Build a ReplicaSet for the Deployment's current template."""
    digest = template_hash(deployment["spec"]["template"])
    template = copied(deployment["spec"]["template"])
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), HASH_LABEL: digest}
    selector = copied(deployment["spec"]["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}
    return {
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{digest}",
            "labels": dict(metadata["labels"]),
            "annotations": {**wanted_annotations(deployment, None, olds), **size_annotations(bounds)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": deployment["spec"].get("minReadySeconds") or 0,
            "selector": selector,
            "template": template,
        },
    }
