"""Build the objects of the ingress controllers, with the names and labels of their official manifests.

Only a few objects are created: those that a rolling update of the controller needs, and those that a user looks for.
"""

from __future__ import annotations

from harness.localkube.machinery.objects import Object
from harness.localkube.settings import SERVICE_PORT, SERVICE_TLS_PORT
from harness.localkube.system.programs import IngressProgram

#: Grace period of a controller's pod in seconds, as in the kind cluster's manifests.
GRACE_SECONDS = 30


def namespace_of(program: IngressProgram) -> Object:
    """Build the controller's namespace."""
    return {"metadata": {"name": program.address.namespace}}


def service_of(program: IngressProgram) -> Object:
    """Build the controller's Service; kube-proxy's file for it contains the address where traffic enters."""
    return {
        "metadata": {"name": program.address.service, "labels": dict(program.address.labels)},
        "spec": {
            "type": "ClusterIP",
            "selector": dict(program.address.labels),
            "ports": [
                {"name": name, "port": port, "targetPort": name}
                for name, port in ((program.port, SERVICE_PORT), (program.tls_port, SERVICE_TLS_PORT))
                if name
            ],
        },
    }


def deployment_of(program: IngressProgram, port: int, tls_port: int) -> Object:
    """Build the controller's Deployment.

    Args:
        program: The controller.
        port: Port on which its pods receive traffic.
        tls_port: Port for traffic with TLS.
    """
    labels = dict(program.address.labels)
    container = {
        "image": program.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [
            {"name": name, "containerPort": number}
            for name, number in ((program.port, port), (program.tls_port, tls_port))
            if name
        ],
        **program.container,
    }
    return {
        "metadata": {"name": program.address.deployment, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": GRACE_SECONDS, "containers": [container]},
            },
        },
    }


def class_of(program: IngressProgram) -> Object:
    """Build the controller's IngressClass."""
    return {"metadata": {"name": program.ingress_class}, "spec": {"controller": program.controller}}
