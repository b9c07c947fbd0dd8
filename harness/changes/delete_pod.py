"""A pod is deleted under traffic, as by hand, and its Deployment must replace it."""

from __future__ import annotations

from harness.changes.base import Change, Made, Missing, Stage
from harness.changes.pods import is_ready, pods_of, uid
from harness.changes.rollouts import current
from harness.errors import HarnessError
from harness.kube.api import Object
from harness.model.changes import DeletePod
from harness.model.timeline import Detail


class Kill(Change[DeletePod]):
    """See ``harness.model.changes.DeletePod``; observed when the pod's object is gone and a new pod is ready."""

    def make(self, stage: Stage, number: int) -> Made:
        """Delete the first ready pod by name."""
        deployment = stage.kube.get("Deployment", self.spec.deployment, stage.namespace)
        pods = pods_of(stage.kube, deployment, stage.namespace)
        victim = self._victim(pods)
        before = {"victim": uid(victim), "pods": frozenset(uid(pod) for pod in pods)}
        name = victim["metadata"]["name"]
        begun = stage.clock.now()
        stage.kube.delete("Pod", name, stage.namespace, grace=0 if self.spec.force else None)
        applied = stage.clock.now()
        detail: Detail = {"object": f"Pod/{name}", "force": self.spec.force}
        return Made(number, begun, applied, target=deployment, before=before, detail=detail)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """The old pod's end, the new pod's readiness, and as many ready pods as there shall be."""
        deployment = current(stage, made)
        pods = pods_of(stage.kube, deployment, stage.namespace)
        ready = [pod for pod in pods if is_ready(pod)]
        wanted = deployment["spec"].get("replicas", 1)
        missing = []
        if any(uid(pod) == made.before["victim"] for pod in pods):
            missing.append("the end of the deleted pod")
        if all(uid(pod) in made.before["pods"] for pod in ready):
            missing.append("a replacement that is ready")
        if len(ready) < wanted:
            missing.append(f"{wanted} ready pods ({len(ready)} are)")
        return tuple(missing)

    def _victim(self, pods: list[Object]) -> Object:
        ready = sorted((pod for pod in pods if is_ready(pod)), key=lambda pod: str(pod["metadata"]["name"]))
        if not ready:
            raise HarnessError(f"Deployment {self.spec.deployment} has no ready pod to delete.")
        return ready[0]
