"""The recorded fields of Kubernetes' kinds."""

from __future__ import annotations

from harness.kube.models import TABLE, official_models, record
from harness.kube.schema import item_type


def test_the_recorded_fields_are_those_of_the_official_client() -> None:
    """The table is what ``python -m harness.kube.models.record`` writes."""
    assert TABLE.read_text(encoding="utf-8") == record.text()


def test_a_model_names_its_required_fields_and_their_types() -> None:
    """The mark of a required field is no part of its type."""
    model = official_models()["V1DeploymentSpec"]

    assert model.required == {"selector", "template"}
    assert model.openapi_types["template"] == "V1PodTemplateSpec"


def test_every_named_model_is_in_the_table() -> None:
    """A field whose model were missing could not be checked."""
    models = official_models()
    named = {
        item
        for model in models.values()
        for expected in model.openapi_types.values()
        if (item := item_type(expected))[:1].isupper()
    }

    assert named <= set(models)
