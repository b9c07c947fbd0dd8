"""Classes of the fields that the controllers implement: workloads, endpoints, and object metadata."""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.fieldclasses import ANNOTATIONS, LABELS, Decisive, Fields, Site, unless_in
from harness.localkube.fieldtables import CONSTANTS, STATUS

_SERVER = "the API server writes it"
_ONE_NODE = "there is one node"
_NO_METRICS = "nothing measures the load here, as on a cluster without metrics-server: the bounds alone decide"
_BOUNDS = dict.fromkeys(("maxReplicas", "minReplicas", "scaleTargetRef"), "")


def _are_of_pods(site: Site) -> bool:
    """Accept the addresses that the pods of this cluster have. No real cluster accepts those in an EndpointSlice."""
    return not isinstance(site.value, list) or all(str(each).startswith("127.") for each in site.value)


TABLES: Mapping[str, Fields] = {
    "V1ObjectMeta": Fields(
        implemented={
            "annotations": ANNOTATIONS,
            "finalizers": "",
            "generateName": "",
            "labels": LABELS,
            "name": "",
            "namespace": "",
            "ownerReferences": "",
        },
        inert=dict.fromkeys(
            (
                "creationTimestamp",
                "deletionGracePeriodSeconds",
                "deletionTimestamp",
                "generation",
                "managedFields",
                "resourceVersion",
                "selfLink",
                "uid",
            ),
            _SERVER,
        ),
    ),
    "V1Deployment": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V1DeploymentSpec"}, inert={**CONSTANTS, **STATUS}
    ),
    "V1DeploymentSpec": Fields(
        implemented={
            "minReadySeconds": "",
            "paused": "",
            "progressDeadlineSeconds": "",
            "replicas": "",
            "revisionHistoryLimit": "",
            "selector": "",
            "strategy": "",
            "template": "V1PodTemplateSpec",
        }
    ),
    "V1ReplicaSet": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V1ReplicaSetSpec"}, inert={**CONSTANTS, **STATUS}
    ),
    "V1ReplicaSetSpec": Fields(
        implemented={"minReadySeconds": "", "replicas": "", "selector": "", "template": "V1PodTemplateSpec"}
    ),
    "V1PodDisruptionBudget": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V1PodDisruptionBudgetSpec"}, inert={**CONSTANTS, **STATUS}
    ),
    "V1PodDisruptionBudgetSpec": Fields(
        implemented={"maxUnavailable": "", "minAvailable": "", "selector": "", "unhealthyPodEvictionPolicy": ""}
    ),
    "V1HorizontalPodAutoscaler": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V1HorizontalPodAutoscalerSpec"},
        inert={**CONSTANTS, **STATUS},
    ),
    "V1HorizontalPodAutoscalerSpec": Fields(implemented=_BOUNDS, inert={"targetCPUUtilizationPercentage": _NO_METRICS}),
    "V2HorizontalPodAutoscaler": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V2HorizontalPodAutoscalerSpec"},
        inert={**CONSTANTS, **STATUS},
    ),
    "V2HorizontalPodAutoscalerSpec": Fields(
        implemented=_BOUNDS, inert={"behavior": _NO_METRICS, "metrics": _NO_METRICS}
    ),
    "V1EndpointSlice": Fields(
        implemented={"endpoints": "V1Endpoint", "metadata": "V1ObjectMeta", "ports": "DiscoveryV1EndpointPort"},
        inert=CONSTANTS,
        decisive={"addressType": Decisive("connects to addresses of this type", unless_in("IPv4"), "IPv4")},
    ),
    "V1Endpoint": Fields(
        implemented={"conditions": ""},
        decisive={
            "addresses": Decisive(
                "reaches a server of yours at these addresses, which is no pod of this cluster",
                _are_of_pods,
                "those of pods, all in 127.0.0.0/8",
                implemented=True,
            )
        },
        inert={
            "deprecatedTopology": _ONE_NODE,
            "hints": _ONE_NODE,
            "hostname": "pod host names are not resolved",
            "nodeName": _ONE_NODE,
            "targetRef": "it is informational",
            "zone": _ONE_NODE,
        },
    ),
    "DiscoveryV1EndpointPort": Fields(
        implemented={"name": "", "port": ""},
        inert={"appProtocol": "the Service's decides"},
        decisive={"protocol": Decisive("serves this protocol", unless_in("TCP"), "TCP")},
    ),
    "V1Endpoints": Fields(
        implemented={"metadata": "V1ObjectMeta"},
        inert=CONSTANTS,
        decisive={"subsets": Decisive("sends requests to these addresses as well")},
    ),
}
