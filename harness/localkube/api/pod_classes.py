"""Admit a pod by its PriorityClass and its RuntimeClass, as the admission plugins of a real API server do.

Sources: plugin/pkg/admission/priority and plugin/pkg/admission/runtimeclass in k8s.io/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from harness.localkube.api import errors
from harness.localkube.api.errors import StatusError
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import PODS, PRIORITYCLASSES, RUNTIMECLASSES

if TYPE_CHECKING:
    # Modules that only read ``BUILT_IN`` need no storage, and importing it takes 0.1 s.
    from harness.localkube.api.storage import Storage

#: Value of each PriorityClass that every cluster has, by its name.
BUILT_IN: Mapping[str, int] = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_DESCRIPTIONS: Mapping[str, str] = {
    "system-cluster-critical": "Used for system critical pods that must run in the cluster, but can be moved to "
    "another node if necessary.",
    "system-node-critical": "Used for system critical pods that must not be moved from their current node.",
}
_PREEMPTS = "PreemptLowerPriority"


def built_in_classes() -> Iterator[Object]:
    """Yield the PriorityClasses that every cluster has."""
    for name, value in BUILT_IN.items():
        yield {"metadata": {"name": name}, "value": value, "description": _DESCRIPTIONS[name]}


def admit(pod: Object, storage: Storage) -> None:
    """Give a new pod the priority of its class; change ``pod`` in place.

    Raises:
        StatusError: 403 if a class that it names does not exist, or if it states another priority.
    """
    spec = pod.get("spec")
    if not isinstance(spec, dict):
        return  # The check of the object reports it.
    name, prefix = str(pod["metadata"].get("name", "")), str(pod["metadata"].get("generateName") or "")
    if prefix and name.startswith(prefix):  # A real server generates the rest of the name later.
        name = prefix
    _take_priority(spec, name, storage)
    runtime = spec.get("runtimeClassName")
    if runtime and storage.get(RUNTIMECLASSES, ("", str(runtime))) is None:
        raise _refused(name, f'pod rejected: RuntimeClass "{runtime}" not found')


def _take_priority(spec: Object, name: str, storage: Storage) -> None:
    wanted = spec.get("priorityClassName")
    found = storage.get(PRIORITYCLASSES, ("", str(wanted))) if wanted else _default(storage)
    if wanted and found is None:
        raise _refused(name, f"no PriorityClass with name {wanted} was found")
    priority = 0 if found is None else found["value"]
    if found is not None:
        spec["priorityClassName"] = found["metadata"]["name"]
    stated = spec.get("priority")
    if stated is not None and stated != priority:
        why = f"the integer value of priority ({stated}) must not be provided in pod spec; "
        raise _refused(
            name, f"{why}priority admission controller computed {priority} from the given PriorityClass name"
        )
    spec["priority"] = priority
    spec.setdefault("preemptionPolicy", (found or {}).get("preemptionPolicy", _PREEMPTS))


def _default(storage: Storage) -> Object | None:
    """Return the class of pods that name none; of several, the one with the lowest value."""
    marked = [each for each in storage.list(PRIORITYCLASSES, None) if each.get("globalDefault")]
    return min(marked, key=lambda each: int(each["value"]), default=None)


def _refused(name: str, why: str) -> StatusError:
    return errors.forbidden(PODS, name, why)
