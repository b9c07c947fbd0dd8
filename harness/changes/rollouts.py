"""What the changes of a Deployment wait for."""

from __future__ import annotations

from harness.changes.base import Made, Missing, Stage
from harness.changes.pods import names, pods_of, uid
from harness.kube.api import Object
from harness.kube.rollout import Rollout, rollout_status


def pod_uids(stage: Stage, deployment: Object) -> frozenset[str]:
    """The uids of a Deployment's pods, to tell old from new ones later."""
    return frozenset(uid(pod) for pod in pods_of(stage.kube, deployment, stage.namespace))


def current(stage: Stage, made: Made) -> Object:
    """The changed Deployment as it is now."""
    return stage.kube.get("Deployment", made.target["metadata"]["name"], stage.namespace)


def rollout_missing(deployment: Object, *, since: int) -> Missing:
    """What a rollout newer than generation ``since`` still waits for."""
    status = rollout_status(deployment)
    if deployment["metadata"].get("generation", 0) <= since:
        return (f"a generation of the Deployment after {since}",)
    return () if status.state is Rollout.COMPLETE else (f"the rollout: {status.missing}",)


def old_pods_missing(stage: Stage, deployment: Object, old: frozenset[str]) -> Missing:
    """Pods from before the change that are still there."""
    left = [pod for pod in pods_of(stage.kube, deployment, stage.namespace) if uid(pod) in old]
    return (f"the end of the old pods ({names(left)})",) if left else ()
