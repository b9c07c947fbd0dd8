"""Controllers for the API server in memory, which act at once. Each can be made to fail.

A test of the observation of changes also needs a change that did not really happen: ``broken`` names the parts of the
system that do nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from harness.kube.api import Object, Objects
from harness.testing.fake_api import FakeKube, stamp

#: Name of the node of all pods.
NODE = "node"


class WorkloadPart(StrEnum):
    """A part of the system that can fail to follow a change."""

    DEPLOYMENT_CONTROLLER = "deployment-controller"
    OLD_PODS = "old-pods"
    NEW_PODS = "new-pods"
    ENDPOINTS = "endpoints"


class FakeWorkloads:
    """A reaction for ``FakeKube.reactions`` that gives pods to workloads and EndpointSlices to Services.

    Attributes:
        broken: Parts that do nothing: the Deployment controller ignores a new spec, old pods stay (although the status
            says otherwise), new pods never get ready, EndpointSlices stay as they are.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.broken: set[WorkloadPart] = set()
        self._numbers: Iterator[int] = itertools.count(1)
        self._lock = threading.Lock()

    def __call__(self, kube: FakeKube) -> None:
        """Bring all objects to their specs, except for broken parts. Several threads may write at the same time."""
        with self._lock:
            self._reconcile(kube)

    def _reconcile(self, kube: FakeKube) -> None:
        for deployment in kube.list("Deployment", self.namespace):
            if WorkloadPart.DEPLOYMENT_CONTROLLER not in self.broken:
                self._roll_out(kube, deployment)
        for kind in ("StatefulSet", "DaemonSet"):
            for found in kube.list(kind, self.namespace):
                if WorkloadPart.DEPLOYMENT_CONTROLLER not in self.broken:
                    self._replace(kube, found)
        if WorkloadPart.ENDPOINTS not in self.broken:
            for service in kube.list("Service", self.namespace):
                self._publish(kube, service)

    def _roll_out(self, kube: FakeKube, deployment: Object) -> None:
        wanted = deployment["spec"].get("replicas", 1)
        version = _hash(deployment["spec"]["template"])
        pods = [p for p in self._pods(kube, deployment) if not p["metadata"].get("deletionTimestamp")]
        new = [p for p in pods if p["metadata"]["labels"]["pod-template-hash"] == version]
        new += [self._start(kube, deployment, version) for _ in range(wanted - len(new))]
        ready = sum(is_ready(p) for p in new)
        if ready >= wanted:
            kept = {p["metadata"]["name"] for p in new[:wanted]}
            self._end(kube, [p for p in self._pods(kube, deployment) if p["metadata"]["name"] not in kept])
        total = wanted if ready >= wanted else len(pods) + wanted
        self._report(kube, deployment, wanted=wanted, total=total, ready=min(ready, wanted))

    def _replace(self, kube: FakeKube, target: Object) -> None:
        """Give a StatefulSet or DaemonSet the pods of its template, from the highest number down to its partition."""
        spec, name = target["spec"], target["metadata"]["name"]
        wanted = spec.get("replicas", 1) if target["kind"] == "StatefulSet" else 1
        first = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition", 0)
        version = _hash(spec["template"])
        there = {pod["metadata"]["name"]: pod for pod in self._pods(kube, target)}
        for number in range(wanted):
            old = there.get(f"{name}-{number}")
            is_old = old is not None and old["metadata"]["labels"]["controller-revision-hash"] != version
            if old is None or (is_old and number >= first and WorkloadPart.OLD_PODS not in self.broken):
                labels = {**spec["template"]["metadata"]["labels"], "controller-revision-hash": version}
                ready = WorkloadPart.NEW_PODS not in self.broken
                if old is not None:
                    kube.remove("Pod", f"{name}-{number}", self.namespace)
                kube.put(pod(f"{name}-{number}", labels, f"127.9.2.{next(self._numbers)}", ready=ready), self.namespace)
        self._count(kube, target, wanted, wanted - first)

    def _count(self, kube: FakeKube, target: Object, wanted: int, new: int) -> None:
        """Write the status of a StatefulSet or DaemonSet, as if all pods that should be new were new."""
        ready = sum(is_ready(each) for each in self._pods(kube, target))
        revision = _hash(target["spec"]["template"])
        counts = {
            "StatefulSet": {"readyReplicas": ready, "updatedReplicas": new, "replicas": wanted},
            "DaemonSet": {"desiredNumberScheduled": wanted, "updatedNumberScheduled": new, "numberAvailable": ready},
        }[target["kind"]]
        revisions = {"updateRevision": revision, "currentRevision": revision}
        status = {"observedGeneration": target["metadata"]["generation"], **counts, **revisions}
        if target.get("status") != status:
            kube.put({**target, "status": status}, self.namespace)

    def _pods(self, kube: FakeKube, deployment: Object) -> Objects:
        labels = deployment["spec"]["selector"]["matchLabels"]
        return kube.list("Pod", self.namespace, labels=",".join(f"{k}={v}" for k, v in labels.items()))

    def _start(self, kube: FakeKube, deployment: Object, version: str) -> Object:
        number = next(self._numbers)
        template = deployment["spec"]["template"]
        labels = {**template["metadata"]["labels"], "pod-template-hash": version}
        name = f"{deployment['metadata']['name']}-{version}-{number}"
        made = pod(name, labels, f"127.9.1.{number}", ready=WorkloadPart.NEW_PODS not in self.broken)
        owner = {"kind": "ReplicaSet", "name": f"{deployment['metadata']['name']}-{version}", "controller": True}
        made["metadata"]["ownerReferences"] = [owner]
        made["spec"]["nodeName"] = NODE
        return kube.put(made, self.namespace)

    def _end(self, kube: FakeKube, pods: Objects) -> None:
        if WorkloadPart.OLD_PODS not in self.broken:
            for old in pods:
                kube.remove("Pod", old["metadata"]["name"], self.namespace)

    def _report(self, kube: FakeKube, deployment: Object, *, wanted: int, total: int, ready: int) -> None:
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": total,
            "updatedReplicas": wanted,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": [{"type": "Progressing", "reason": _reason(complete=ready >= wanted)}],
        }
        if deployment.get("status") != status:
            kube.put({**deployment, "status": status}, self.namespace)

    def _publish(self, kube: FakeKube, service: Object) -> None:
        selector = service["spec"].get("selector", {})
        pods = kube.list("Pod", self.namespace, labels=",".join(f"{k}={v}" for k, v in selector.items()))
        made = endpoint_slice(service["metadata"]["name"], pods)
        old = {s["metadata"]["name"]: s for s in kube.list("EndpointSlice", self.namespace)}
        before = old.get(made["metadata"]["name"])
        if before is None or before["endpoints"] != made["endpoints"]:
            kube.put(made, self.namespace)


def is_ready(pod_object: Object) -> bool:
    """Return True if a fake pod is ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod_object["status"]["conditions"])


def pod(name: str, labels: dict[str, str], address: str, *, ready: bool = True) -> Object:
    """Return a running pod."""
    now = stamp(datetime.now(UTC))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "hashicorp/http-echo:1.0"}]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
                {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": now},
            ],
            "containerStatuses": [{"name": "main", "restartCount": 0, "state": {"running": {"startedAt": now}}}],
        },
    }


def endpoint_slice(service: str, pods: Objects, port: int = 5678) -> Object:
    """Return the EndpointSlice of a Service with these pods."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
        "ports": [{"port": port, "protocol": "TCP"}],
        "endpoints": [_endpoint(p) for p in pods],
    }


def _endpoint(pod_object: Object) -> Object:
    terminating = bool(pod_object["metadata"].get("deletionTimestamp"))
    ready = is_ready(pod_object) and not terminating
    return {
        "addresses": [pod_object["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": is_ready(pod_object), "terminating": terminating},
        "targetRef": {"kind": "Pod", "name": pod_object["metadata"]["name"]},
    }


def _reason(*, complete: bool) -> str:
    return "NewReplicaSetAvailable" if complete else "ProgressDeadlineExceeded"


def _hash(template: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
