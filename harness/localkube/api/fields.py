"""Classes of the fields of kinds that the API server only stores."""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.custom.traefik import PLURALS
from harness.kube.fieldclasses import ENTRIES, Decisive, Fields, Site
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.policies import lets_requests_in

_STORED = "it is stored, and no component reads it"
_NO_PODS = "it is stored, and no pods are run for it"
_NO_QUOTA = "it is stored, and the node has room for all accepted pods"
_OBJECT = {"metadata": "V1ObjectMeta"}


def _stored(*fields: str, why: str = _STORED) -> Fields:
    """Return the table of a kind that is stored as given."""
    status = STATUS if "status" in fields else {}
    return Fields(implemented=_OBJECT, inert={**CONSTANTS, **dict.fromkeys(fields, why), **status})


def _lets_requests_in(site: Site) -> bool:
    """Accept a NetworkPolicy that blocks no request to a Service of the workload."""
    return isinstance(site.value, Mapping) and lets_requests_in(site.value, site.objects)


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
    "V1PersistentVolumeClaim": _stored("spec", "status"),
    "V1ResourceQuota": _stored("spec", "status", why=_NO_QUOTA),
    "V1LimitRange": _stored("spec", why=_NO_QUOTA),
    "V1Lease": _stored("spec"),
    "V1HorizontalPodAutoscaler": _stored("spec", "status"),
    "V2HorizontalPodAutoscaler": _stored("spec", "status"),
    "V1NetworkPolicy": Fields(
        implemented=_OBJECT,
        inert=CONSTANTS,
        decisive={
            "spec": Decisive(
                "blocks requests to the pods that it selects, if its network enforces policies",
                _lets_requests_in,
                "policies for outgoing traffic, and those that allow the ports of Services from everywhere",
            )
        },
    ),
    "V1Role": _stored("rules"),
    "V1ClusterRole": _stored("aggregationRule", "rules"),
    "V1RoleBinding": _stored("roleRef", "subjects"),
    "V1ClusterRoleBinding": _stored("roleRef", "subjects"),
    "V1StatefulSet": _stored("spec", "status", why=_NO_PODS),
    "V1DaemonSet": _stored("spec", "status", why=_NO_PODS),
    "V1Job": _stored("spec", "status", why=_NO_PODS),
    "V1CronJob": _stored("spec", "status", why=_NO_PODS),
    "CoreV1Event": _stored(*_EVENT),
    "EventsV1Event": _stored(*_NEW_EVENT),
    # Traefik itself reads them; with any other controller these kinds are rejected.
    **{f"Traefik{kind}": Fields(implemented={**_OBJECT, "spec": ""}, inert=CONSTANTS) for kind in PLURALS},
}
