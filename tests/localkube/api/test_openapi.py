"""OpenAPI v3 describes the fields of every served kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.localkube.api import openapi
from harness.localkube.machinery.resources import RESOURCES

ROOTS = sorted({resource.root for resource in RESOURCES})


def references(value: Any) -> Iterator[str]:
    """Yield the name of every schema that a value refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/components/schemas/")
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from references(item)


@pytest.mark.parametrize("root", ROOTS)
def test_every_kind_and_reference_has_a_schema(root: str) -> None:
    """Each kind of a group has a schema, and no schema refers to a missing one."""
    document = openapi.document(root, "v1") or {}
    schemas = document["components"]["schemas"]

    described = {
        (each["group"], each["version"], each["kind"])
        for schema in schemas.values()
        for each in schema.get("x-kubernetes-group-version-kind", ())
    }
    assert described == {(r.group, r.version, r.kind) for r in RESOURCES if r.root == root}
    assert set(references(schemas)) <= set(schemas)


def test_fields_have_types_texts_and_requirements() -> None:
    """Types come from the protobuf descriptions, texts and required fields from the client's models."""
    schemas = (openapi.document("/apis/apps/v1", "v1") or {})["components"]["schemas"]

    spec = schemas["io.k8s.api.apps.v1.DeploymentSpec"]
    assert spec["required"] == ["selector", "template"]
    assert spec["properties"]["replicas"]["format"] == "int32"
    assert "Number of desired pods" in spec["properties"]["replicas"]["description"]
    probe = schemas["io.k8s.api.core.v1.Probe"]["properties"]
    assert probe["exec"]["description"], "a field without a text of its own has that of its type"
    resources = schemas["io.k8s.api.core.v1.ResourceRequirements"]["properties"]["limits"]
    assert next(references(resources)).endswith(".Quantity")


def test_an_unknown_group_has_no_document() -> None:
    """A group that is not served has no document."""
    assert openapi.document("/apis/example.com/v1", "v1") is None
