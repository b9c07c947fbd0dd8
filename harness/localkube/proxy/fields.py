"""Classes of a Service's fields, as ingress controllers, kube-proxy and the EndpointSlice controller read them.

An ingress controller sends requests directly to the pods. Fields that only kube-proxy reads matter for traffic to a
Service, which exists only with ``ingress: none``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.kube.fieldclasses import Decisive, FieldClass, Fields, Harmless, Site, unless_in
from harness.kube.pods import labels_of, pod_of, serving_containers
from harness.kube.selectors import selected_by
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.kubelet.images import has_stand_in
from harness.localkube.kubelet.models import model_of, ports_of
from harness.localkube.system.programs import INGRESS_PROGRAMS
from harness.localkube.traefik import annotation_classes as traefik


def service_annotation(name: str, site: Site) -> tuple[FieldClass, str, str]:
    """Classify an annotation of a Service."""
    if name.startswith(traefik.PREFIX):
        return traefik.class_of(name, site, "Service")
    return FieldClass.INERT, "neither the ingress controller nor kube-proxy reads it", ""


def _behind_ingress(*values: object) -> Harmless:
    """Accept every value with an ingress controller, and these values also without one."""
    return lambda site: site.ingress != "none" or site.value in values


def _reaches_stand_in(field: str) -> Harmless:
    """Accept a port unless it leads only to stand-ins of which none listens there.

    A real program may listen on a port that its container does not declare, but a stand-in does not.
    """

    def check(site: Site) -> bool:
        if field == "port" and site.holder.get("targetPort") not in (None, ""):
            return True
        if not isinstance(site.value, int):
            return True
        selector = (site.root.get("spec") or {}).get("selector") or {}
        pods = [
            pod for each in site.objects if (pod := pod_of(each)) is not None and selected_by(selector, labels_of(pod))
        ]
        ports = [_ports(pod) for pod in pods]
        return not ports or any(each is None or site.value in each for each in ports)

    return check


def _ports(pod: Mapping[str, Any]) -> set[int] | None:
    """Return the ports on which the stand-ins of a pod listen; None if a container has no stand-in."""
    containers = serving_containers(pod)
    if not all(has_stand_in(str(each.get("image"))) for each in containers):
        return None
    try:
        models = [(model_of(pod.get("metadata") or {}, str(each.get("image"))), each) for each in containers]
    except ValueError:
        return None  # The kubelet reports it.
    return {port for model, each in models for port in ports_of(model, each)}


#: The controllers that read the appProtocol of a port.
_BY_PROTOCOL = tuple(word for word, program in INGRESS_PROGRAMS.items() if program.reads_protocol)
_OTHER_PORT = "reaches the real program on this port, on which its stand-in does not listen: declare the containerPort"
_DECLARED = "any port that a container declares; without stand-ins, any"
_BEHIND = "any, with an ingress controller"
_BALANCER = "no load balancer is created"

TABLES: Mapping[str, Fields] = {
    "V1Service": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V1ServiceSpec"}, inert={**CONSTANTS, **STATUS}
    ),
    "V1ServiceSpec": Fields(
        implemented={"clusterIP": "", "ports": "V1ServicePort", "publishNotReadyAddresses": "", "selector": ""},
        inert={
            "allocateLoadBalancerNodePorts": _BALANCER,
            "clusterIPs": "the class of clusterIP applies",
            "externalIPs": "no traffic uses it",
            "externalName": "the class of type applies",
            "healthCheckNodePort": _BALANCER,
            "ipFamilyPolicy": "the class of ipFamilies applies",
            "loadBalancerClass": _BALANCER,
            "loadBalancerIP": _BALANCER,
            "sessionAffinityConfig": "the class of sessionAffinity applies",
            "trafficDistribution": "there is one node",
        },
        decisive={
            "externalTrafficPolicy": Decisive(
                "drops connections to nodes without a pod", _behind_ingress("Cluster"), f"Cluster; {_BEHIND}"
            ),
            "internalTrafficPolicy": Decisive(
                "drops connections from nodes without a pod", _behind_ingress("Cluster"), f"Cluster; {_BEHIND}"
            ),
            "ipFamilies": Decisive("assigns addresses of these families to the Service", unless_in(["IPv4"]), "[IPv4]"),
            "loadBalancerSourceRanges": Decisive(
                "drops connections from other clients", _behind_ingress(), _BEHIND
            ),
            "sessionAffinity": Decisive(
                "sends all connections of a client to one pod", _behind_ingress("None"), f"None; {_BEHIND}"
            ),
            "type": Decisive(
                "sends requests to this name outside the cluster",
                unless_in("ClusterIP", "NodePort", "LoadBalancer"),
                "ClusterIP, NodePort, LoadBalancer",
            ),
        },
    ),
    "V1ServicePort": Fields(
        implemented={"name": ""},
        inert={"nodePort": "no traffic uses it"},
        decisive={
            "appProtocol": Decisive(
                "uses this protocol to the pods if the controller is Traefik",
                lambda site: site.ingress not in _BY_PROTOCOL,
                carried_out_by=_BY_PROTOCOL,
                values="any, except with Traefik, which implements it",
            ),
            "port": Decisive(_OTHER_PORT, _reaches_stand_in("port"), _DECLARED, implemented=True),
            "targetPort": Decisive(_OTHER_PORT, _reaches_stand_in("targetPort"), _DECLARED, implemented=True),
            "protocol": Decisive("serves this protocol", unless_in("TCP"), "TCP"),
        },
    ),
}  # fmt: skip
