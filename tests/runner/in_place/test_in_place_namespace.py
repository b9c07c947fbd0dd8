"""Tests of reading a user's namespace: objects of the change, what the evidence keeps of them, and other managers."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import InvalidInputError
from harness.kube.errors import ForbiddenError
from harness.model.changes import SelectorPatch
from harness.runner.in_place.namespace import NamespaceObjects, as_evidence, other_managers, read_namespace, related
from harness.runner.in_place.targets import ChangedObject, parse_change
from harness.testing.fake_api import FakeKube

NAMESPACE = "web"
APPLE, PUBLIC = ChangedObject("Deployment", "apple"), ChangedObject("Service", "public")


def deployment(name: str, **labels: str) -> dict[str, Any]:
    """Return a Deployment whose pods have these labels."""
    containers = [{"name": name, "image": "x", "env": [{"name": "PASSWORD", "value": "hunter2"}, {"name": "EMPTY"}]}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str, **selector: str) -> dict[str, Any]:
    """Return a Service."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"selector": selector}}


def ingress(name: str, *services: str) -> dict[str, Any]:
    """Return an Ingress with a path for each Service."""
    paths = [{"path": f"/{each}", "backend": {"service": {"name": each}}} for each in services]
    return {"kind": "Ingress", "metadata": {"name": name}, "spec": {"rules": [{"http": {"paths": paths}}]}}


V1, V2 = deployment("apple", app="apple", version="v1"), deployment("green", app="apple", version="v2")
OTHER = deployment("other", app="other")
FOUND = NamespaceObjects((V1, V2, OTHER, service("public", app="apple", version="v1"), service("others", app="other"),
               ingress("shop", "public")), ())  # fmt: skip


def names(target: ChangedObject, change: str) -> list[str]:
    """Return the names of the objects that a change affects."""
    return [f"{o['kind']}/{o['metadata']['name']}" for o in related(FOUND, target, parse_change(change, target))]


def test_a_deployment_has_the_services_that_select_it() -> None:
    """Other Services are left out."""
    assert names(APPLE, "restart") == ["Deployment/apple", "Service/public"]


def test_a_service_has_its_pods_before_and_after_the_change() -> None:
    """A selector patch affects the pods selected now and those selected afterwards."""
    switch = "selector-patch: {selector: {version: v2}, answer: v2}"

    assert isinstance(parse_change(switch, PUBLIC), SelectorPatch)
    assert names(PUBLIC, switch) == ["Service/public", "Deployment/apple", "Deployment/green"]


def test_an_ingress_has_its_services_and_their_pods() -> None:
    """The Services of its paths lead to the pods."""
    edit = "ingress-edit: {annotations: {a/b: c}}"

    assert names(ChangedObject("Ingress", "shop"), edit) == ["Ingress/shop", "Service/public", "Deployment/apple"]


def test_no_secret_gets_into_the_evidence() -> None:
    """Values of the environment, kubectl's copy of the manifest and the server's fields are left out."""
    last = {"kubectl.kubernetes.io/last-applied-configuration": "hunter2", "team": "blue"}
    status = {"status": {"x": "hunter2"}}
    obj = {**V1, **status, "metadata": {"name": "apple", "annotations": last, "uid": "u", "managedFields": []}}
    kept = as_evidence(obj)

    assert "hunter2" not in str(kept)
    assert kept["metadata"] == {"name": "apple", "annotations": {"team": "blue"}}
    assert kept["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "PASSWORD", "value": "…"},
        {"name": "EMPTY"},
    ]


def kube() -> FakeKube:
    """Return a fake API server with this namespace."""
    made = FakeKube()
    for obj in FOUND.objects:
        made.put(obj, NAMESPACE)
    return made


def test_a_missing_target_is_reported_with_existing_ones() -> None:
    """The message suggests the most similar name."""
    with pytest.raises(InvalidInputError) as caught:
        read_namespace(kube(), ChangedObject("Deployment", "appel"), NAMESPACE)
    said = caught.value.message + caught.value.detail + caught.value.hint

    assert "there is no Deployment 'appel' in namespace web" in said
    assert "apple" in said


def test_ingresses_are_read_only_if_one_is_changed() -> None:
    """A Role needs only the rights of its change."""
    read = read_namespace(kube(), APPLE, NAMESPACE).objects

    assert {obj["kind"] for obj in read} == {"Deployment", "Service"}
    assert all(obj["apiVersion"] for obj in read)


def scaler(of: str) -> dict[str, Any]:
    """Return an autoscaler."""
    aim = {"kind": "Deployment", "name": of}
    spec = {"scaleTargetRef": aim, "minReplicas": 2, "maxReplicas": 9}
    return {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "hpa"}, "spec": spec}


def test_an_autoscaler_of_the_object_is_named() -> None:
    """Autoscalers of other objects are not named. A missing right to list them is reported."""
    assert other_managers([V1], [scaler("apple")]) == (
        "HorizontalPodAutoscaler hpa scales Deployment apple between 2 and 9",
    )
    assert other_managers([V1], [scaler("other")]) == ()
    assert "may not list" in other_managers([V1], None)[0]


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux"),
        ({"managedFields": [{"manager": "helm-controller"}]}, "Flux"),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "Argo CD"),
    ],
)
def test_a_gitops_controller_is_named(metadata: dict[str, Any], tool: str) -> None:
    """Its labels, annotations or field managers identify it."""
    obj = {**V1, "metadata": {"name": "apple", **metadata}}

    assert [note.split(" keeps ")[0] for note in other_managers([obj], [])] == [tool]
    assert other_managers([V1], []) == ()


def test_autoscalers_that_may_not_be_listed_are_unknown() -> None:
    """A missing right to list autoscalers is no proof that there are none."""

    class Guarded(FakeKube):
        def list(self, kind: str, namespace: str, *, labels: str = "") -> Any:
            if kind == "HorizontalPodAutoscaler":
                raise ForbiddenError("list horizontalpodautoscalers", 403, "Forbidden", "no")
            return super().list(kind, namespace, labels=labels)

    guarded = Guarded()
    guarded.put(V1, NAMESPACE)

    assert read_namespace(guarded, APPLE, NAMESPACE).autoscalers is None
    assert read_namespace(kube(), APPLE, NAMESPACE).autoscalers == ()
