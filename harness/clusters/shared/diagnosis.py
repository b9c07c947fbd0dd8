"""Finds out why pods do not become ready, while the cluster still exists to be queried."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol

from harness.errors import HarnessError
from harness.kube.api import Object, Objects
from harness.kube.logs import LogLine

#: Number of lines of a container's log, and of events of a namespace, to show.
LOG_LINES = 6
EVENTS = 6
#: Number of lines of a container's log to keep as evidence.
KEPT_LINES = 200


class DiagnosisApi(Protocol):
    """The API calls that a diagnosis needs."""

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return all objects of a kind."""

    def follow_log(
        self, pod: str, namespace: str, container: str, *, stop: Callable[[], bool], stamps: bool, follow: bool
    ) -> Iterator[LogLine]:
        """Yield the lines of a container's log."""


def diagnose(kube: DiagnosisApi, namespace: str) -> str:
    """Return text about pods that are not ready, with reasons and last log lines, and the namespace's last warnings.

    Never raises, because it is called after another failure.
    """
    lines: list[str] = []
    with suppress(HarnessError):
        for pod in kube.list("Pod", namespace):
            lines += _pod(kube, pod, namespace)
    with suppress(HarnessError):
        lines += _warnings(kube.list("Event", namespace))
    return "\n".join(lines)


def snapshot(kube: DiagnosisApi, namespace: str) -> dict[str, Any]:
    """Return the pods, ReplicaSets and events of a namespace, and the last lines of all logs, as evidence.

    Never raises. A part that could not be read is missing.
    """
    found: dict[str, Any] = {}
    for part, kind in (("pods", "Pod"), ("replica_sets", "ReplicaSet"), ("events", "Event")):
        with suppress(HarnessError):
            found[part] = list(kube.list(kind, namespace))
    found["logs"] = {
        f"{pod['metadata']['name']}/{container['name']}": _last_lines(
            kube, pod["metadata"]["name"], container["name"], namespace
        )
        for pod in found.get("pods", ())
        for container in _containers(pod)
    }
    return found


def _containers(pod: Object) -> list[Object]:
    return [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]


def _last_lines(kube: DiagnosisApi, pod: str, container: str, namespace: str) -> list[str]:
    """Return the last lines of a container's log; none if it has no log."""
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    with suppress(HarnessError):
        # The embedded cluster records no times of log lines.
        log = kube.follow_log(pod, namespace, container, stop=lambda: False, stamps=False, follow=False)
        lines.extend(line.text for line in log)
    return list(lines)


def _pod(kube: DiagnosisApi, pod: Object, namespace: str) -> Iterator[str]:
    status = pod.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True":
        return
    name = pod["metadata"]["name"]
    entries = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    if not entries:
        yield f"pod {name}: {_unscheduled(status, conditions)}"
    for entry in entries:
        yield f"pod {name}, container {entry['name']}: {_state(entry)}"
        yield from (f"  log: {line}" for line in _last_lines(kube, name, entry["name"], namespace)[-LOG_LINES:])


def _unscheduled(status: dict[str, Any], conditions: dict[str, Any]) -> str:
    message = conditions.get("PodScheduled", {}).get("message", "")
    return f"{status.get('phase', 'unknown')} {message}".strip()


def _state(entry: dict[str, Any]) -> str:
    for word, state in (entry.get("state") or {}).items():
        reason = ": ".join(str(state[key]) for key in ("reason", "message") if state.get(key))
        code = f" (exit code {state['exitCode']})" if "exitCode" in state else ""
        return f"{word}{', not ready' if word == 'running' else ''} {reason}".rstrip() + code
    return "no state"


def _warnings(events: Objects) -> Iterator[str]:
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    for event in warnings[-EVENTS:]:
        about = event.get("involvedObject") or {}
        yield f"event: {about.get('kind', '')} {about.get('name', '')}: {event.get('reason')}: {event.get('message')}"
