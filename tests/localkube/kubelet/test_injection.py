"""A pod that asks a webhook for another container is refused, since no webhook of this cluster adds it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.fieldclasses import FieldClass
from harness.localkube.fields import CLASSIFIER
from harness.localkube.kubelet.injection import ASKING


def a_deployment(**metadata: Any) -> dict[str, Any]:
    """Return a Deployment with this metadata on its pods."""
    template = {"metadata": metadata, "spec": {"containers": []}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": template}}


def refused(manifest: dict[str, Any]) -> list[tuple[str, FieldClass]]:
    """Return the fields of an object that a run refuses, with their classes."""
    return [(each.field, each.found) for each in CLASSIFIER.refused(manifest, "ingress-nginx")]


@pytest.mark.parametrize("place", ["annotations", "labels"])
@pytest.mark.parametrize("name", ASKING)
def test_a_pod_that_asks_for_a_container_is_refused(name: str, place: str) -> None:
    """Meshes read annotations and labels. A pod without an owner is treated like one of a template."""
    metadata = {place: {"app": "shop", name: "true"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", **metadata}, "spec": {"containers": []}}

    assert refused(a_deployment(**metadata)) == [(name, FieldClass.DECISIVE)]
    assert refused(pod) == [(name, FieldClass.DECISIVE)]


@pytest.mark.parametrize("value", ["false", "False", "disabled", ""])
def test_a_pod_that_asks_for_none_is_accepted(value: str) -> None:
    """The word for it differs between meshes."""
    assert refused(a_deployment(annotations=dict.fromkeys(ASKING, value), labels={"app": "shop"})) == []


def test_only_the_metadata_of_pods_asks() -> None:
    """On the Deployment itself the same words mean nothing, and other labels of pods are read by selectors."""
    words = dict.fromkeys(ASKING, "true")
    other = {**a_deployment(labels={"app": "shop"}), "metadata": {"name": "a", "annotations": words, "labels": words}}

    assert refused(other) == []
