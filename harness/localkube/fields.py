"""Combine the field tables of all components: how the embedded cluster treats every field of every kind."""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.fieldclasses import Classifier, Fields
from harness.localkube.api import fields as stored
from harness.localkube.controllers import fields as controllers
from harness.localkube.ingress import fields as ingress
from harness.localkube.ingress.config_map import class_of as config_map_key
from harness.localkube.kubelet import fields as kubelet
from harness.localkube.kubelet.injection import class_on_pod
from harness.localkube.kubelet.models import ANNOTATION
from harness.localkube.proxy import fields as proxy
from harness.localkube.traefik import fields as traefik

TABLES: Mapping[str, Fields] = {
    **controllers.TABLES,
    **kubelet.TABLES,
    **proxy.TABLES,
    **ingress.TABLES,
    **stored.TABLES,
    **traefik.TABLES,
}

CLASSIFIER = Classifier(
    TABLES,
    {
        "Ingress": ingress.ingress_annotation,
        "IngressClass": ingress.class_annotation,
        "Service": proxy.service_annotation,
    },
    read=frozenset({ANNOTATION}),
    entries=config_map_key,
    pods=class_on_pod,
)
