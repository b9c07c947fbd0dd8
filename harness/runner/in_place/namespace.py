"""Reads the application's namespace: the objects that the change affects, and their other managers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.experiment.problems import listed, near
from harness.kube.api import KubeApi, Object
from harness.kube.errors import ForbiddenError, KubeError
from harness.kube.ingresses import paths_of
from harness.kube.selectors import selected_by
from harness.model.changes import ChangeSpec
from harness.model.experiment import Manifest
from harness.runner.in_place.targets import ChangedObject

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
#: Labels and annotations by which a GitOps controller marks the objects that it keeps in sync with its repository.
_GITOPS: Mapping[str, str] = {
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}
#: Field managers of GitOps controllers.
_GITOPS_MANAGERS: Mapping[str, str] = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
}


@dataclass(frozen=True, slots=True)
class NamespaceObjects:
    """The objects of a namespace, as far as the user may read them.

    Attributes:
        objects: Its Deployments and Services, and its Ingresses if the target is an Ingress, unchanged.
        autoscalers: Its HorizontalPodAutoscalers; None if they may not be listed.
    """

    objects: tuple[Object, ...]
    autoscalers: tuple[Object, ...] | None


def read_namespace(kube: KubeApi, target: ChangedObject, namespace: str) -> NamespaceObjects:
    """Read the namespace.

    Raises:
        InvalidInputError: The target does not exist.
        KubeError: The API server does not answer.
    """
    kinds = ["Deployment", "Service", *(["Ingress"] if target.kind == "Ingress" else [])]
    # Objects in a list have no apiVersion and kind of their own.
    versions = {"Deployment": "apps/v1", "Service": "v1", "Ingress": "networking.k8s.io/v1"}
    objects = [
        {"apiVersion": versions[kind], **obj, "kind": kind} for kind in kinds for obj in kube.list(kind, namespace)
    ]
    names = [obj["metadata"]["name"] for obj in objects if obj["kind"] == target.kind]
    if target.name not in names:
        message = f"there is no {target.kind} {target.name!r} in namespace {namespace}; there are {listed(names)}"
        raise InvalidInputError([Problem(message, hint=near(target.name, names))])
    return NamespaceObjects(tuple(objects), _autoscalers(kube, namespace))


def _autoscalers(kube: KubeApi, namespace: str) -> tuple[Object, ...] | None:
    try:
        return tuple(kube.list("HorizontalPodAutoscaler", namespace))
    except ForbiddenError:
        return None
    except KubeError:
        return ()  # not served here


def related(found: NamespaceObjects, target: ChangedObject, change: ChangeSpec) -> tuple[Object, ...]:
    """Return the target with the Services and Deployments on the path of its traffic."""
    by_kind: dict[str, dict[str, Object]] = {"Deployment": {}, "Service": {}, "Ingress": {}}
    for obj in found.objects:
        by_kind[obj["kind"]][obj["metadata"]["name"]] = obj
    own = by_kind[target.kind][target.name]
    if target.kind == "Deployment":
        services = [s for s in by_kind["Service"].values() if selected_by(_selector(s), _labels(own))]
        return (own, *services)
    services = (
        [own]
        if target.kind == "Service"
        else [by_kind["Service"][name] for name in dict.fromkeys(_backends(own)) if name in by_kind["Service"]]
    )
    deployments = [
        d
        for d in by_kind["Deployment"].values()
        for s in services
        if any(selected_by(selector, _labels(d)) for selector in (_selector(s), change.selector_after(_selector(s))))
    ]
    unique = {(o["kind"], o["metadata"]["name"]): o for o in (own, *services, *deployments)}
    return tuple(unique.values())


def _selector(service: Object) -> Mapping[str, str]:
    return service.get("spec", {}).get("selector") or {}


def _labels(deployment: Object) -> Mapping[str, str]:
    return deployment["spec"]["template"]["metadata"].get("labels") or {}


def _backends(ingress: Object) -> Iterator[str]:
    default = (ingress.get("spec") or {}).get("defaultBackend")
    backends = [default, *(entry.get("backend") for _, entry in paths_of(ingress))]
    for backend in backends:
        name = ((backend or {}).get("service") or {}).get("name")
        if name:
            yield str(name)


def as_evidence(obj: Object) -> Manifest:
    """Return an object for the evidence, without the server's fields and without the values of its environment.

    A run directory gets shared, and the environment of an application is where its secrets are.
    """
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace", "labels") if key in obj["metadata"]}
    annotations = {k: v for k, v in (obj["metadata"].get("annotations") or {}).items() if k != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    kept = {key: value for key, value in obj.items() if key not in {"metadata", "status"}}
    return {**_without_values(kept), "metadata": metadata}


def _without_values(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_values(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: [{**item, "value": "…"} if "value" in item else item for item in inner]
        if key == "env" and isinstance(inner, list)
        else _without_values(inner)
        for key, inner in value.items()
    }


def other_managers(objects: Sequence[Object], autoscalers: Iterable[Object] | None) -> tuple[str, ...]:
    """Describe who else may change these objects during the run."""
    notes = [note for obj in objects for note in _gitops(obj)]
    names = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Deployment"}
    if autoscalers is None:
        notes.append("an autoscaler may scale it: this user may not list HorizontalPodAutoscalers")
    for scaler in autoscalers or ():
        aim = scaler.get("spec", {}).get("scaleTargetRef") or {}
        if aim.get("kind") == "Deployment" and aim.get("name") in names:
            low, high = scaler["spec"].get("minReplicas", 1), scaler["spec"].get("maxReplicas")
            name = scaler["metadata"]["name"]
            notes.append(f"HorizontalPodAutoscaler {name} scales Deployment {aim['name']} between {low} and {high}")
    return tuple(dict.fromkeys(notes))


def _gitops(obj: Object) -> Iterator[str]:
    metadata = obj["metadata"]
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    managers = {entry.get("manager", "") for entry in metadata.get("managedFields") or ()}
    tools = [tool for mark, tool in _GITOPS.items() if mark in marks]
    tools += [tool for manager, tool in _GITOPS_MANAGERS.items() if manager in managers]
    for tool in dict.fromkeys(tools):
        yield f"{tool} keeps {obj['kind']} {metadata['name']} as its repository has it, and may undo a change at once"
