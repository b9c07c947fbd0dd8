"""Turn watched objects into a timeline: one entry for each state that something takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from differential.traffic import Traffic

Object = dict[str, Any]
#: ``(seconds since the case began, subject, aspect, state)``
Entry = tuple[float, str, str, str]


@dataclass
class Observer:
    """The observed state of one namespace.

    Attributes:
        timeline: Entries in the order of their arrival.
        pods: The pods that exist, by name.
        objects: All other watched objects, by plural and name.
        traffic: The requests of the case.
        syncs: Syncs of the ingress controller since the last step.
        reloads: Its reloads since requests count.
    """

    clock: Callable[[], float]
    timeline: list[Entry] = field(default_factory=list)
    pods: dict[str, Object] = field(default_factory=dict)
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    syncs: int = 0
    reloads: int = 0
    _states: dict[tuple[str, str], str] = field(default_factory=dict)
    _roles: dict[str, str] = field(default_factory=dict)
    _sets: dict[str, str] = field(default_factory=dict)
    _members: dict[str, int] = field(default_factory=dict)

    def note(self, subject: str, aspect: str, state: str, at: float | None = None) -> None:
        """Add an entry, unless the aspect of the subject has that state already."""
        if self._states.get((subject, aspect)) != state:
            self._states[subject, aspect] = state
            self.timeline.append((round(self.clock() if at is None else at, 3), subject, aspect, state))

    def take(self, plural: str, change: str, obj: Object) -> None:
        """Take one event of a watch."""
        gone = change == "DELETED"
        if plural == "pods":
            self._pod(obj, gone=gone)
        else:
            key = (plural, obj["metadata"]["name"])
            if gone:
                self.objects.pop(key, None)
            else:
                self.objects[key] = obj
            match plural:
                case "replicasets":
                    self._replicaset(obj, gone=gone)
                case "deployments":
                    self._deployment(obj, gone=gone)
                case "endpointslices":
                    self._slices(str((obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name")))
                case "events":
                    self._event(obj)
                case "ingresses":
                    self._ingress(obj)
                case "horizontalpodautoscalers":
                    self._conditions(f"autoscaler {obj['metadata']['name']}", obj)

    def role(self, pod: Object) -> str:
        """Return what a pod is called: its name, or that of its ReplicaSet and a number."""
        name = pod["metadata"]["name"]
        if name not in self._roles:
            generated = pod["metadata"].get("generateName")
            made_for = self._set_role(generated.removesuffix("-")) if generated else ""
            self._members[made_for] = self._members.get(made_for, 0) + 1
            self._roles[name] = f"{made_for}/{self._members[made_for]}" if generated else name
        return self._roles[name]

    def _set_role(self, name: str) -> str:
        """Return what a ReplicaSet is called: ``d.1`` is the first of the Deployment ``d``."""
        if name not in self._sets:
            base = name.rpartition("-")[0] or name
            number = sum(role.startswith(f"{base}.") for role in self._sets.values()) + 1
            self._sets[name] = f"{base}.{number}"
        return self._sets[name]

    def _pod(self, pod: Object, *, gone: bool) -> None:
        subject = f"pod {self.role(pod)}"
        if gone:
            self.pods.pop(pod["metadata"]["name"], None)
        else:
            self.pods[pod["metadata"]["name"]] = pod
        self.note(subject, "life", "there")
        for aspect, state in pod_states(pod):
            self.note(subject, aspect, state)
        if gone:
            self.note(subject, "life", "gone")

    def _replicaset(self, obj: Object, *, gone: bool) -> None:
        if not (obj["metadata"].get("ownerReferences") or ()):
            return
        subject = f"replicaset {self._set_role(obj['metadata']['name'])}"
        self.note(subject, "replicas", "gone" if gone else str(obj["spec"].get("replicas")))

    def _deployment(self, obj: Object, *, gone: bool) -> None:
        subject = f"deployment {obj['metadata']['name']}"
        if gone:
            self.note(subject, "life", "gone")
            return
        self._conditions(subject, obj)

    def _conditions(self, subject: str, obj: Object) -> None:
        for condition in obj.get("status", {}).get("conditions") or []:
            self.note(subject, condition["type"], f"{condition['status']} {condition.get('reason', '')}".strip())

    def _slices(self, service: str) -> None:
        pieces = [
            obj
            for (plural, _), obj in self.objects.items()
            if plural == "endpointslices"
            and (obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        ]
        subject = f"service {service}"
        found: dict[str, str] = {}
        for piece in pieces:
            named = sorted(f"{port.get('name') or ''}:{port.get('port')}" for port in piece.get("ports") or [])
            ports = ",".join(named) or "no ports"
            for endpoint in piece.get("endpoints") or []:
                found[self._endpoint(endpoint)] = f"{endpoint_state(endpoint)} ({ports})"
        for name in {aspect for s, aspect in self._states if s == subject and aspect.startswith("to ")} - set(found):
            self.note(subject, name, "absent")
        for name, state in found.items():
            self.note(subject, name, state)
        self.note(subject, "slices", str(len(pieces)))

    def _endpoint(self, endpoint: Object) -> str:
        name = (endpoint.get("targetRef") or {}).get("name")
        return f"to {self._roles.get(name, name) if name else endpoint['addresses'][0]}"

    def _event(self, event: Object) -> None:
        about = event.get("involvedObject") or {}
        name, kind = about.get("name", ""), about.get("kind", "").lower()
        if kind == "replicaset" and about.get("uid"):
            name = self._set_role(name)
        elif kind == "pod":
            name = self._roles.get(name, name)
        subject = f"{kind} {name}"
        self.note(subject, f"event {event['type']} {event['reason']}", "said")

    def _ingress(self, obj: Object) -> None:
        answered = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        self.note(f"ingress {obj['metadata']['name']}", "address", "given" if answered else "none")


def pod_states(pod: Object) -> Iterator[tuple[str, str]]:
    """Yield (aspect, state) of a pod as it is."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    if metadata.get("deletionTimestamp"):
        yield "deletion", f"grace {metadata.get('deletionGracePeriodSeconds')}"
    yield "phase", status.get("phase", "")
    owned = any(owner.get("controller") for owner in metadata.get("ownerReferences") or [])
    if metadata.get("generateName"):
        yield "owner", "owned" if owned else "none"
    for condition in status.get("conditions") or []:
        kind = condition["type"]
        if kind in {"Ready", "ContainersReady"}:
            reason = condition.get("reason", "") if condition["status"] == "False" else ""
            yield kind, f"{condition['status']} {reason}".strip()
        elif kind not in {"PodScheduled", "Initialized", "PodReadyToStartContainers"}:
            yield kind, condition["status"]
    for name in ("initContainerStatuses", "containerStatuses"):
        for each in status.get(name) or []:
            yield f"container {each['name']}", container_state(each)


def container_state(status: Mapping[str, Any]) -> str:
    """Return the state of a container in a word, with its restarts."""
    state = status.get("state") or {}
    restarts = f" #{status['restartCount']}" if status.get("restartCount") else ""
    if "running" in state:
        return f"running{restarts}"
    if "terminated" in state:
        ended = state["terminated"]
        return f"terminated {ended.get('reason')} {ended.get('exitCode')}{restarts}"
    return f"waiting {(state.get('waiting') or {}).get('reason', '')}{restarts}"


def endpoint_state(endpoint: Mapping[str, Any]) -> str:
    """Return the conditions of an endpoint in a word."""
    conditions = endpoint.get("conditions") or {}
    if conditions.get("terminating"):
        return "terminating, serving" if conditions.get("serving") else "terminating"
    if conditions.get("ready", True):
        return "ready"
    return "not ready"


def slowest_start(timeline: Iterable[Entry]) -> float:
    """Return the longest time from a pod's creation to the first start of a container of it, in seconds."""
    made: dict[str, float] = {}
    slowest = 0.0
    for at, subject, aspect, state in timeline:
        if aspect == "life" and state == "there":
            made[subject] = at
        elif aspect == "event Normal Started" and subject in made:
            slowest = max(slowest, at - made.pop(subject))
    return slowest
