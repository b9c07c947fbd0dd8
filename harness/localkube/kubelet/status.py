"""Compute a pod's status from the state of its containers. Pure, so that a test can cover every case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.localkube.machinery.objects import Object, condition, timestamp

#: The conditions that the kubelet writes; other components own all others.
OWN_CONDITIONS = frozenset({"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"})

#: The initial state of a container.
CREATING: Object = {"waiting": {"reason": "ContainerCreating"}}
#: The initial state of every container of a pod with init containers.
INITIALIZING: Object = {"waiting": {"reason": "PodInitializing"}}


@dataclass(slots=True)
class ContainerState:
    """The status of one container, as the kubelet reports it.

    Attributes:
        name: Its name.
        image: Its image, as named in the pod.
        state: The API's ``state``: one of waiting, running, terminated.
        last_state: The state before the last restart.
        ready: True if its readiness probe succeeds (or it runs and has none).
        started: True if its startup probe has succeeded (or it runs and has none).
        restarts: Number of restarts.
        container_id: Identifies the process; empty before the first start.
        sidecar: True for an init container that runs as long as the pod.
    """

    name: str
    image: str
    state: Object = field(default_factory=lambda: CREATING)
    last_state: Object = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0
    container_id: str = ""
    sidecar: bool = False

    @property
    def initialized(self) -> bool:
        """Return True if it has succeeded, or is a sidecar that has started, as for the condition ``Initialized``."""
        has_succeeded = (self.state.get("terminated") or {}).get("exitCode") == 0
        return has_succeeded or (self.sidecar and self.started)

    def to_json(self) -> Object:
        """Return the API's ContainerStatus."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image if self.container_id else "",
            "containerID": self.container_id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
        }


def phase_of(
    containers: Sequence[ContainerState],
    restart_policy: str,
    *,
    deleting: bool,
    init: Sequence[ContainerState] = (),
) -> str:
    """Return Pending, Running, Succeeded or Failed.

    A pod that is being deleted can end even if its restart policy is Always. A pod whose restart policy is Never has
    failed once an init container has failed.
    """
    if restart_policy == "Never" and any((each.state.get("terminated") or {}).get("exitCode") for each in init):
        return "Failed"
    if all("terminated" in each.state for each in containers):
        codes = [each.state["terminated"]["exitCode"] for each in containers]
        if deleting or restart_policy == "Never" or (restart_policy == "OnFailure" and not any(codes)):
            return "Failed" if any(codes) else "Succeeded"
    began = all("waiting" not in each.state or each.last_state for each in containers)
    return "Running" if began else "Pending"


def pod_status(
    pod: Object,
    containers: Sequence[ContainerState],
    *,
    address: str,
    host: str,
    deleting: bool,
    init: Sequence[ContainerState] = (),
) -> Object:
    """Return the complete status; unchanged conditions keep their times.

    Conditions of other components stay unchanged, and the pod's readiness gates are read from them.

    Args:
        pod: The pod with its previous status.
        containers: In the order of the spec.
        address: The pod's address; empty if it has none yet.
        host: The node's address.
        deleting: True if the pod is being deleted.
        init: Its init containers, in the order of the spec.
    """
    phase = phase_of(containers, pod["spec"].get("restartPolicy", "Always"), deleting=deleting, init=init)
    others = [entry for entry in pod.get("status", {}).get("conditions") or [] if entry["type"] not in OWN_CONDITIONS]
    gates = _closed_gates(pod["spec"].get("readinessGates") or [], others)
    own = [_kept(pod, entry) for entry in _conditions(containers, init, phase, address, gates)]
    status: Object = {
        "phase": phase,
        "conditions": [*own, *others],
        "containerStatuses": [each.to_json() for each in containers],
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "startTime": pod.get("status", {}).get("startTime") or timestamp(),
        "qosClass": pod.get("status", {}).get("qosClass") or "BestEffort",
    }
    if init:
        status["initContainerStatuses"] = [each.to_json() for each in init]
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return status


def _closed_gates(gates: Sequence[Object], conditions: Sequence[Object]) -> str:
    """Return the kubelet's message about readiness gates that keep the pod from being ready; empty if none does."""
    found = {entry["type"]: entry["status"] for entry in conditions}
    messages = []
    for name in (gate["conditionType"] for gate in gates):
        if name not in found:
            messages.append(f'corresponding condition of pod readiness gate "{name}" does not exist.')
        elif found[name] != "True":
            messages.append(f'the status of pod readiness gate "{name}" is not "True", but {found[name]}')
    return ", ".join(messages)


def _conditions(
    containers: Sequence[ContainerState], init: Sequence[ContainerState], phase: str, address: str, gates: str
) -> Iterable[Object]:
    serving = [*(each for each in init if each.sidecar), *containers]
    unready = [each.name for each in serving if not each.ready]
    complete: Object = {"status": "True"}
    if phase in {"Succeeded", "Failed"}:
        complete = {"status": "False", "reason": "PodCompleted" if phase == "Succeeded" else "PodFailed"}
    elif unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        complete = {"status": "False", "reason": "ContainersNotReady", "message": message}
    ready = complete
    if gates and complete["status"] == "True":
        ready = {"status": "False", "reason": "ReadinessGatesNotReady", "message": gates}
    yield {"type": "PodReadyToStartContainers", "status": "True" if address else "False"}
    if incomplete := [each.name for each in init if not each.initialized]:
        message = f"containers with incomplete status: [{' '.join(incomplete)}]"
        yield {"type": "Initialized", "status": "False", "reason": "ContainersNotInitialized", "message": message}
    else:
        yield {"type": "Initialized", "status": "True"}
    yield {"type": "Ready", **ready}
    yield {"type": "ContainersReady", **complete}
    yield {"type": "PodScheduled", "status": "True"}


def _kept(pod: Object, entry: Object) -> Object:
    before = condition(pod, entry["type"])
    same = before is not None and before["status"] == entry["status"]
    changed = before["lastTransitionTime"] if before and same else timestamp()
    return {**entry, "lastProbeTime": None, "lastTransitionTime": changed}
