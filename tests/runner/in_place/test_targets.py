"""Tests of the arguments of ``--in-place`` and ``--change``, written as in kubectl and in Experiments."""

from __future__ import annotations

import pytest

from harness.errors import InvalidInputError
from harness.model.changes import IngressEdit, Restart, RollingUpdate, Scale, SelectorPatch
from harness.runner.in_place.targets import ChangedObject, changes_of, parse_change, parse_object, usages

APPLE = ChangedObject("Deployment", "apple")
PUBLIC = ChangedObject("Service", "apple-service")


def refused(text: str, target: ChangedObject = APPLE) -> str:
    """Return all messages about a change that is refused."""
    with pytest.raises(InvalidInputError) as caught:
        parse_change(text, target)
    return f"{caught.value.message} {caught.value.detail} {caught.value.hint}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("deployment/apple", "Deployment"), ("deploy/apple", "Deployment"), ("deployments/apple", "Deployment"),
        ("Deployment/apple", "Deployment"), ("deployment.apps/apple", "Deployment"), ("svc/apple", "Service"),
        ("service/apple", "Service"), ("ing/apple", "Ingress"), ("ingress.networking.k8s.io/apple", "Ingress"),
    ],
)  # fmt: skip
def test_objects_are_named_as_kubectl_names_them(text: str, kind: str) -> None:
    """Short names, long names and names with the API group are accepted."""
    assert parse_object(text) == ChangedObject(kind, "apple")


@pytest.mark.parametrize(
    "text", ["apple", "deployment", "deployment/", "pod/apple", "deployment/a b", "deployment/A", "/"]
)
def test_a_text_that_names_no_object_is_refused(text: str) -> None:
    """The message shows the expected form."""
    with pytest.raises(InvalidInputError) as caught:
        parse_object(text)

    assert "expected deployment/NAME, service/NAME or ingress/NAME" in caught.value.message + caught.value.detail


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("restart", APPLE, Restart), ("scale=3", APPLE, Scale), ("scale: {replicas: 3}", APPLE, Scale),
        ("rolling-update: {set: {args: [-text=v2]}, answer: v2}", APPLE, RollingUpdate),
        ("selector-patch: {selector: {version: v2}, answer: v2}", PUBLIC, SelectorPatch),
        ("ingress-edit: {annotations: {a/b: c}}", ChangedObject("Ingress", "fruit"), IngressEdit),
    ],
)  # fmt: skip
def test_changes_are_written_as_in_an_experiment(text: str, target: ChangedObject, expected: type) -> None:
    """Their object is the target."""
    change = parse_change(text, target)

    assert isinstance(change, expected)
    assert getattr(change, target.kind.lower()) == target.name


def test_a_scale_has_a_short_form() -> None:
    """The short and the long form mean the same."""
    assert parse_change("scale=3", APPLE) == parse_change("scale: {replicas: 3}", APPLE)
    assert getattr(parse_change(" scale = 3 ", APPLE), "replicas") == 3  # noqa: B009 - a union has it not in each


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        ("selector-patch: {selector: {a: b}}", APPLE, "selector-patch is for service/NAME"),
        ("restart", PUBLIC, "restart is for deployment/NAME"),
        ("rollout-restart", APPLE, "did you mean 'restart'"),
        ("canary: {}", ChangedObject("Ingress", "fruit"), "which version is written in an Experiment"),
        ("restart=3", APPLE, "'restart=3' is not a change of a Deployment"),
        ("restrat", APPLE, "restart"),
        ("restart: 3", APPLE, "expected a map of its fields"),
        ("[restart]", APPLE, "expected a word or a map"),
        ("restart: {deployment: banana}", APPLE, "is not the object that --in-place names, apple"),
        ("restart: {times: 3}", APPLE, "a change is made once"),
        ("scale: {replica: 3}", APPLE, "replica"),
        ("a: b: c", APPLE, "--change"),
        ("", APPLE, "expected"),
    ],
)
def test_an_impossible_change_is_refused_with_advice(text: str, target: ChangedObject, said: str) -> None:
    """The message shows the fault and a correct form."""
    assert said in refused(text, target)


def test_each_change_belongs_to_one_kind_of_object() -> None:
    """Each has an example of its command-line form."""
    names = [name for kind in ("Deployment", "Service", "Ingress") for name in changes_of(kind)]

    assert {"delete-pod", "ingress-edit", "restart", "rolling-update", "scale", "selector-patch"} <= set(names)
    assert len(names) == len(set(names))
    assert len(usages()) == len(names)
