"""Classes of the fields of Ingresses and IngressClasses."""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.fieldclasses import FieldClass, Fields, Site
from harness.kube.ingresses import CLASS_ANNOTATION
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.ingress import annotation_classes
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.system.programs import INGRESS_NGINX
from harness.localkube.traefik import annotation_classes as traefik

_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def ingress_annotation(name: str, site: Site) -> tuple[FieldClass, str, str]:
    """Classify an annotation of an Ingress."""
    if name.startswith(PREFIX):
        return annotation_classes.class_of(name, site)
    if name.startswith(traefik.PREFIX):
        return traefik.class_of(name, site, "Ingress")
    if name == CLASS_ANNOTATION:
        return FieldClass.IMPLEMENTED, "", ""
    return FieldClass.INERT, "no ingress controller reads it", ""


def class_annotation(name: str, site: Site) -> tuple[FieldClass, str, str]:
    """Classify an annotation of an IngressClass; here the controller serves every Ingress without a class."""
    spec = site.root.get("spec") or {}
    if name == _DEFAULT_CLASS and str(site.value) == "true" and spec.get("controller") != INGRESS_NGINX.controller:
        return FieldClass.DECISIVE, "assigns Ingresses without a class to the controller of this IngressClass", ""
    return FieldClass.INERT, "an Ingress without a class belongs to the controller", ""


TABLES: Mapping[str, Fields] = {
    "V1Ingress": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V1IngressSpec"}, inert={**CONSTANTS, **STATUS}
    ),
    "V1IngressSpec": Fields(
        implemented={
            "defaultBackend": "V1IngressBackend",
            "ingressClassName": "",
            "rules": "V1IngressRule",
            "tls": "V1IngressTLS",
        }
    ),
    "V1IngressTLS": Fields(implemented={"hosts": "", "secretName": ""}),
    "V1IngressRule": Fields(implemented={"host": "", "http": "V1HTTPIngressRuleValue"}),
    "V1HTTPIngressRuleValue": Fields(implemented={"paths": "V1HTTPIngressPath"}),
    "V1HTTPIngressPath": Fields(implemented={"backend": "V1IngressBackend", "path": "", "pathType": ""}),
    "V1IngressBackend": Fields(
        implemented={"service": "V1IngressServiceBackend"},
        inert={"resource": "ingress-nginx and Traefik ignore a backend that is not a Service"},
    ),
    "V1IngressServiceBackend": Fields(implemented={"name": "", "port": "V1ServiceBackendPort"}),
    "V1ServiceBackendPort": Fields(implemented={"name": "", "number": ""}),
    "V1IngressClass": Fields(implemented={"metadata": "V1ObjectMeta", "spec": "V1IngressClassSpec"}, inert=CONSTANTS),
    "V1IngressClassSpec": Fields(
        implemented={"controller": ""}, inert={"parameters": "ingress-nginx and Traefik do not read them"}
    ),
}
