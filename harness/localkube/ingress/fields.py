"""Classes of the fields of Ingresses and IngressClasses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.kube.fieldclasses import Decisive, FieldClass, Fields, Site
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.ingress import annotation_classes
from harness.localkube.ingress.annotation_classes import redirects_to_https
from harness.localkube.ingress.annotations import PREFIX
from harness.localkube.ingress.ingress_class import CLASS_ANNOTATION, is_served
from harness.localkube.system.programs import INGRESS_NGINX, INGRESS_PROGRAMS
from harness.localkube.traefik import annotation_classes as traefik

_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_BY_ITSELF = tuple(word for word, program in INGRESS_PROGRAMS.items() if program.is_genuine)


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


def _without_redirect(site: Site) -> bool:
    """Return True if this ``tls`` causes no redirect of HTTP, in this Ingress or in one of the same host."""
    if not is_served(site.root, site.ingress, site.objects):
        return True
    if redirects_to_https(site.root):
        return False
    hosts = list(_tls_hosts(site.value))
    others = [each for each in site.objects if each.get("kind") == "Ingress" and each is not site.root]
    return not any(
        redirects_to_https(other) and is_served(other, site.ingress, site.objects) and _shares(hosts, other)
        for other in others
    )


def _tls_hosts(tls: Any) -> Iterator[str]:
    """Yield the hosts of a ``tls`` entry; an entry without hosts applies to any host."""
    for entry in tls if isinstance(tls, list) else []:
        if isinstance(entry, Mapping):
            yield from map(str, entry.get("hosts") or ["*"])


def _shares(hosts: list[str], ingress: Mapping[str, Any]) -> bool:
    rules = (ingress.get("spec") or {}).get("rules") or []
    own = [str(rule.get("host") or "") for rule in rules if isinstance(rule, Mapping)]
    return any(_same(one, other) for one in hosts for other in own)


def _same(one: str, other: str) -> bool:
    """Return True if two host names, each with or without a wildcard, match a common host."""
    return (
        one in {"*", other}
        or (one.startswith("*.") and other.partition(".")[2] == one[2:])
        or (other.startswith("*.") and one.partition(".")[2] == other[2:])
    )


TABLES: Mapping[str, Fields] = {
    "V1Ingress": Fields(
        implemented={"metadata": "V1ObjectMeta", "spec": "V1IngressSpec"}, inert={**CONSTANTS, **STATUS}
    ),
    "V1IngressSpec": Fields(
        implemented={"defaultBackend": "V1IngressBackend", "ingressClassName": "", "rules": "V1IngressRule"},
        decisive={
            "tls": Decisive(
                'answers HTTP with 308, a redirect to HTTPS, unless ssl-redirect is "false" in every Ingress of the'
                " host",
                _without_redirect,
                f'any, if {PREFIX}ssl-redirect is "false"',
                carried_out_by=_BY_ITSELF,
            )
        },
    ),
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
