"""Warn a user who applies an object about its decisive fields that the embedded cluster does not implement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from harness.kube.custom import GROUPS
from harness.kube.fieldclasses import Classified, FieldClass
from harness.kube.pods import pod_of
from harness.localkube.api.errors import StatusError
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo
from harness.localkube.fields import CLASSIFIER
from harness.localkube.machinery.client import COMPONENT_AGENT
from harness.localkube.machinery.events import event_body
from harness.localkube.machinery.objects import Object, controller_of
from harness.localkube.machinery.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    EVENTS,
    INGRESSCLASSES,
    INGRESSES,
    NOT_RUN,
    SECRETS,
    by_kind,
)
from harness.localkube.system.programs import INGRESS_PROGRAMS

#: Kinds of objects that a pod refers to, or that a Service leads to.
_SURROUNDING = (CONFIGMAPS, SECRETS, by_kind("PersistentVolumeClaim", "v1"), DEPLOYMENTS)

REASON = "FieldNotImplemented"
_COMPONENT = "apiserver"
_NO_PODS = "{kind} is stored: the embedded cluster runs no pods for it; a real cluster does"
#: Kinds that are not executed, or only in part, with the sentence that says so.
_IDLE: Mapping[str, str] = {
    **{resource.kind: _NO_PODS for resource in NOT_RUN},
    "HorizontalPodAutoscaler": "{kind}: nothing measures the load on this cluster, so only its bounds have an effect",
    "LimitRange": "{kind} is stored: the embedded cluster limits no pods",
    "ResourceQuota": "{kind} is stored: the embedded cluster limits no namespace",
}
_NO_READER = "{kind} is stored: no controller of this cluster reads it; Traefik does (--ingress traefik)"
_CUSTOM_VERSIONS = frozenset(group.group_version for group in GROUPS)


class FieldNotices:
    """Checks the objects that users write; writes of the cluster's own components and controllers are skipped.

    Args:
        registry: Registry in which Events are created.
        ingress: The ingress controller, as named in an Experiment.
    """

    def __init__(self, registry: Registry, ingress: str) -> None:
        self._registry = registry
        self._ingress = ingress

    def of(self, before: Object | None, after: Object, agent: str, *, dry_run: bool) -> list[str]:
        """Return a sentence for each such field that a write adds, and record an Event of it.

        Args:
            before: The object before the write; None for a new one.
            after: The object as stored.
            agent: The client's user agent.
            dry_run: True if nothing was stored; then no Event is recorded.
        """
        if agent.startswith(COMPONENT_AGENT) or controller_of(after) is not None:
            return []
        known = {(each.field, each.text) for each in self._refused(before)} if before else set()
        idle = [] if before is not None else self._idle(after)
        found = {(each.field, each.text): each for each in self._refused(after)}
        # What is not executed at all needs no second sentence about its specification.
        sentences = idle or [_sentence(each) for key, each in found.items() if key not in known]
        if not dry_run:
            for sentence in sentences:
                self._record(after, sentence)
        return sentences

    def _idle(self, obj: Object) -> list[str]:
        """Return the sentence for an object that no component of this cluster executes, in a list; empty for others."""
        sentence = _IDLE.get(obj["kind"])
        program = INGRESS_PROGRAMS.get(self._ingress)
        if obj["apiVersion"] in _CUSTOM_VERSIONS and not (program and program.reads_custom_kinds):
            sentence = _NO_READER
        return [] if sentence is None else [sentence.format(kind=obj["kind"])]

    def _refused(self, obj: Object) -> Sequence[Classified]:
        return CLASSIFIER.refused(obj, self._ingress, self._around(obj))

    def _around(self, obj: Object) -> Sequence[Object]:
        """Return the other objects that influence the classes of an object's fields."""
        if obj["kind"] == "Service" or pod_of(obj) is not None:
            namespace = obj["metadata"].get("namespace")
            return [
                {"kind": each.kind, **found}
                for each in _SURROUNDING
                for found in self._registry.storage.list(each, namespace)
            ]
        if obj["kind"] != "Ingress":
            return ()
        storage, metadata = self._registry.storage, obj["metadata"]
        key = (metadata.get("namespace"), metadata["name"])
        others = [
            {"kind": "Ingress", **each}
            for each in storage.list(INGRESSES, None)
            if (each["metadata"].get("namespace"), each["metadata"]["name"]) != key
        ]
        return [*others, *({"kind": "IngressClass", **each} for each in storage.list(INGRESSCLASSES, None))]

    def _record(self, obj: Object, sentence: str) -> None:
        digest = hashlib.sha256(f"{obj['metadata']['uid']} {sentence}".encode()).hexdigest()[:16]
        name = f"{obj['metadata']['name']}.{digest}"
        body = event_body(_COMPONENT, obj, name, kind="Warning", reason=REASON, message=sentence)
        try:
            self._registry.create(RequestInfo(EVENTS, obj["metadata"].get("namespace") or "default"), body)
        except StatusError:
            return  # The same Event exists already, or its namespace is being deleted.


def header(sentence: str) -> str:
    """Return a sentence as the value of a ``Warning`` header, as kubectl prints it."""
    text = sentence.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{text}"'


def _sentence(found: Classified) -> str:
    if found.found is FieldClass.UNKNOWN:
        return f"{found.field} is unknown: {found.text}" + (f" ({found.hint})" if found.hint else "")
    return f"{found.field} is not implemented by the embedded cluster: a real cluster {found.text}"
