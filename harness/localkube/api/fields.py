"""The classes of the fields of kinds that the API server stores, and that nobody here carries out."""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.custom.traefik import PLURALS
from harness.kube.fieldclasses import Decisive, Fields, Site
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.system.programs import INGRESS_PROGRAMS

#: The namespaces of the ingress controllers.
_NAMESPACES = frozenset(program.namespace for program in INGRESS_PROGRAMS.values())
_STORED = "it is stored; nobody here reads it"
_NO_PODS = "it is stored; no pods are run for it here"
_NO_QUOTA = "it is stored; the node has room for what is accepted"
_OBJECT = {"metadata": "V1ObjectMeta"}


def _stored(*fields: str, why: str = _STORED) -> Fields:
    """Return the table of a kind that is stored as it is."""
    status = STATUS if "status" in fields else {}
    return Fields(implemented=_OBJECT, inert={**CONSTANTS, **dict.fromkeys(fields, why), **status})


def _lets_requests_in(site: Site) -> bool:
    """Treat a NetworkPolicy as harmless that says nothing of incoming traffic, or lets all of it in."""
    spec = site.value if isinstance(site.value, Mapping) else {}
    types = spec.get("policyTypes") or ["Ingress"]
    rules = spec.get("ingress") or []
    return "Ingress" not in types or any(
        isinstance(rule, Mapping) and not rule.get("from") and not rule.get("ports") for rule in rules
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
        implemented=_OBJECT,
        inert={**CONSTANTS, "binaryData": _STORED, "immutable": _STORED},
        decisive={
            "data": Decisive(
                "configures the ingress controller by it",
                lambda site: (site.root.get("metadata") or {}).get("namespace") not in _NAMESPACES,
                "any, but in the namespace of the ingress controller",
            )
        },
    ),
    "V1Secret": _stored("data", "immutable", "stringData", "type"),
    "V1ServiceAccount": _stored("automountServiceAccountToken", "imagePullSecrets", "secrets"),
    "V1Namespace": _stored("spec", "status"),
    "V1Node": _stored("spec", "status"),
    "V1PersistentVolumeClaim": _stored("spec", "status"),
    "V1ResourceQuota": _stored("spec", "status", why=_NO_QUOTA),
    "V1LimitRange": _stored("spec", why=_NO_QUOTA),
    "V1Lease": _stored("spec"),
    "V1PodDisruptionBudget": _stored("spec", "status"),
    "V2HorizontalPodAutoscaler": _stored("spec", "status"),
    "V1NetworkPolicy": Fields(
        implemented=_OBJECT,
        inert=CONSTANTS,
        decisive={
            "spec": Decisive(
                "keeps requests from the pods that it selects, where its network heeds policies",
                _lets_requests_in,
                "policies of outgoing traffic, and those with a rule that lets everybody in",
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
    # Traefik itself reads them; behind any other controller they are refused as kinds.
    **{f"Traefik{kind}": Fields(implemented={**_OBJECT, "spec": ""}, inert=CONSTANTS) for kind in PLURALS},
}
