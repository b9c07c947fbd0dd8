"""Classes of the fields of kinds that the API server only stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.kube.fieldclasses import ENTRIES, Decisive, Fields, Harmless, Site
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.policies import lets_requests_in
from harness.localkube.unexecuted import (
    gets_no_requests,
    limits_no_pods,
    only_sets_defaults,
    takes_many_pods,
)

_STORED = "it is stored, and no component reads it"
_OBJECT = {"metadata": "V1ObjectMeta"}


def _stored(*fields: str, why: str = _STORED) -> Fields:
    """Return the table of a kind that is stored as given."""
    status = STATUS if "status" in fields else {}
    return Fields(implemented=_OBJECT, inert={**CONSTANTS, **dict.fromkeys(fields, why), **status})


def _decided(effect: str, harmless: Harmless, values: str, *, status: bool = True) -> Fields:
    """Return the table of a kind that is stored, and whose specification may affect requests on a real cluster."""
    inert = {**CONSTANTS, **(STATUS if status else {})}
    return Fields(implemented=_OBJECT, inert=inert, decisive={"spec": Decisive(effect, harmless, values)})


def _by_spec(rule: Callable[[Mapping[str, Any]], bool]) -> Harmless:
    """Return the check of a specification that decides alone."""
    return lambda site: isinstance(site.value, Mapping) and rule(site.value)


def _by_objects(rule: Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], bool]) -> Harmless:
    """Return the check of a specification that also depends on the other objects."""
    return lambda site: isinstance(site.value, Mapping) and rule(site.value, site.objects)


def _of_pods(*path: str) -> Fields:
    """Return the table of a kind for which no pods run, with the path from its specification to their template."""

    def check(site: Site) -> bool:
        found = site.value
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return gets_no_requests(found, site.objects)

    return _decided(
        "runs pods for it, and a Service sends requests to them as well as to other pods",
        check,
        "pods that no Service selects together with pods that run here",
    )


_EVENT = (
    "action", "count", "eventTime", "firstTimestamp", "involvedObject", "lastTimestamp", "message", "reason", "related",
    "reportingComponent", "reportingInstance", "series", "source", "type",
)  # fmt: skip
_NEW_EVENT = (
    "action", "deprecatedCount", "deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedSource",
    "eventTime", "note", "reason", "regarding", "related", "reportingController", "reportingInstance", "series", "type",
)  # fmt: skip

TABLES: Mapping[str, Fields] = {
    "V1ConfigMap": Fields(
        implemented={**_OBJECT, "data": ENTRIES},
        inert={**CONSTANTS, "binaryData": _STORED, "immutable": _STORED},
    ),
    "V1Secret": _stored("data", "immutable", "stringData", "type"),
    "V1ServiceAccount": _stored("automountServiceAccountToken", "imagePullSecrets", "secrets"),
    "V1Namespace": _stored("spec", "status"),
    "V1Node": _stored("spec", "status"),
    "V1PersistentVolumeClaim": _decided(
        "lets only one pod at a time use it, so that a new pod waits for the end of the old one",
        lambda site: takes_many_pods(site.root, site.objects),
        "any access mode but ReadWriteOncePod; any, if no pod that runs here mounts it",
    ),
    "V1ResourceQuota": _decided(
        "creates no pod above these limits, also none that replaces another one",
        _by_spec(limits_no_pods),
        "quotas of other objects than pods, ReplicaSets and their resources",
    ),
    "V1LimitRange": _decided(
        "rejects pods outside these limits",
        _by_spec(only_sets_defaults),
        "defaults with which a container can start, and limits of claims",
        status=False,
    ),
    "V1Lease": _stored("spec"),
    "V1PriorityClass": Fields(
        implemented={**_OBJECT, "globalDefault": "", "preemptionPolicy": "", "value": ""},
        inert={**CONSTANTS, "description": "it is for people"},
    ),
    "V1RuntimeClass": _stored("handler", "overhead", "scheduling"),
    "V1NetworkPolicy": Fields(
        implemented=_OBJECT,
        inert=CONSTANTS,
        decisive={
            "spec": Decisive(
                "blocks requests to the pods that it selects, if its network enforces policies",
                _by_objects(lets_requests_in),
                "policies for outgoing traffic, and those that allow the ports of Services from everywhere",
            )
        },
    ),
    "V1Role": _stored("rules"),
    "V1ClusterRole": _stored("aggregationRule", "rules"),
    "V1RoleBinding": _stored("roleRef", "subjects"),
    "V1ClusterRoleBinding": _stored("roleRef", "subjects"),
    "V1StatefulSet": _of_pods("template"),
    "V1DaemonSet": _of_pods("template"),
    "V1Job": _of_pods("template"),
    "V1CronJob": _of_pods("jobTemplate", "spec", "template"),
    "CoreV1Event": _stored(*_EVENT),
    "EventsV1Event": _stored(*_NEW_EVENT),
}
