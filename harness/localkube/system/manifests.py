"""The ingress controllers as objects of the API, named and labelled as their own manifests do it.

They are few and small: what a rolling update of them needs, and what a user who looks around expects to find.
"""

from __future__ import annotations

from harness.localkube.machinery.objects import Object
from harness.localkube.system.programs import IngressProgram

#: Seconds that a controller's pod is given to end, as in the kind cluster's manifests.
GRACE_SECONDS = 30


def namespace_of(program: IngressProgram) -> Object:
    """Its namespace."""
    return {"metadata": {"name": program.namespace}}


def service_of(program: IngressProgram) -> Object:
    """Its Service; kube-proxy's file of it says where traffic enters."""
    return {
        "metadata": {"name": program.service, "labels": dict(program.labels)},
        "spec": {
            "type": "ClusterIP",
            "selector": dict(program.labels),
            "ports": [{"name": program.port, "port": 80, "targetPort": program.port}],
        },
    }


def deployment_of(program: IngressProgram, port: int) -> Object:
    """Its Deployment.

    Args:
        program: The controller.
        port: At which its pods take traffic.
    """
    labels = dict(program.labels)
    container = {
        "image": program.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": program.port, "containerPort": port}],
        **program.container,
    }
    return {
        "metadata": {"name": program.deployment, "labels": labels},
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
    """Its IngressClass."""
    return {"metadata": {"name": program.ingress_class}, "spec": {"controller": program.controller}}
