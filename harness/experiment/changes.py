"""The changes: from a word or a map in the file to a record whose every name exists in the workload."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.experiment.admission import ImageCheck
from harness.experiment.naming import exists, service_of
from harness.experiment.objects import Objects, at
from harness.experiment.problems import Problems, listed, near, near_kind
from harness.experiment.release_parts import CHANGE_PARTS
from harness.experiment.validation import validate
from harness.kit.located_yaml import Place
from harness.kube.admission.refusals import refusals
from harness.kube.manifests import sentence
from harness.kube.schema import container_violations
from harness.kube.strategic import PatchError, strategic_merge
from harness.model.change_facts import Target
from harness.model.changes import (
    CHANGE_KINDS,
    ChangeSpec,
    DeletePod,
    IngressEdit,
    NoChange,
    Restart,
    RollingUpdate,
    Scale,
    SelectorPatch,
)
from harness.model.experiment import Configuration, TrafficPlan

#: A change as read, and where it is.
Located = tuple[ChangeSpec, Place]


def read_changes(value: Any, problems: Problems, *, control: bool) -> list[Located]:
    """The changes in the file's order; the control is put first where it is wanted and not there."""
    if not isinstance(value, list) or not value:
        problems.add(("changes",), f"expected a list of changes; known are {listed(CHANGE_PARTS)}")
        return []
    read = [_read(item, ("changes", index), problems) for index, item in enumerate(value)]
    changes = [item for item in read if item is not None]
    first: dict[str, Place] = {}
    for spec, place in changes:
        if first.setdefault(spec.name, place) != place:
            line = problems.document.line_of(first[spec.name])
            problems.add(
                place, f"a second change named {spec.name}, as on line {line}", hint="give it a name: of its own"
            )
    if control and not any(spec.facts.is_control for spec, _ in changes):
        changes.insert(0, (NoChange(name=NoChange.kind), ("changes",)))
    return changes


def check_changes(changes: Sequence[Located], configurations: Sequence[Configuration], problems: Problems) -> None:
    """Whatever a change names must be there in every configuration, and it must change something."""
    for configuration in configurations:
        objects = Objects(configuration.manifests)
        for spec, place in changes:
            check = _CHECKS.get(type(spec))
            if check is not None:
                check(spec, (*place, spec.kind), objects, problems)


def check_images(changes: Sequence[Located], problems: Problems, check_image: ImageCheck) -> None:
    """What is rolled out must be there, unless the rollout is meant to get stuck."""
    for spec, place in changes:
        image = None if spec.is_meant_to_fail else spec.container_fields.get("image")
        wrong = check_image(image) if isinstance(image, str) else None
        if wrong:
            problems.add((*place, spec.kind, "set", "image"), wrong.message, wrong.hint)


def with_answers(located: Located, traffic: TrafficPlan, objects: Objects, problems: Problems) -> ChangeSpec:
    """The change with the answers that become right through it, on the routes that lead to what it changes.

    A route whose answers the traffic plan leaves open needs none. Answers written in the file are taken as they are.
    """
    spec, place = located
    place = (*place, spec.kind)
    keys = [route.key for route in traffic.routes]
    for key in spec.answers.keys() - set(keys):
        problems.add((*place, "answers", key), f"{key} gets no traffic; paths are {listed(keys)}", near(key, keys))
    pinned = {route.key: service_of(route, traffic, objects) for route in traffic.routes if route.answers}
    services = _touched(spec, objects)
    touched = [key for key, service in pinned.items() if service in services and key not in spec.answers]
    if touched and not spec.new_answer and _changes_answers(spec, objects):
        message = f"answer is required: the body that tells the new backend of {listed(touched)} from the old one"
        problems.add(place, message, hint='such as answer: "apple-v2"')
    return replace(spec, answers={**spec.answers_on(touched), **spec.answers})


def _touched(spec: ChangeSpec, objects: Objects) -> list[str]:
    """Return the Services that lead to what is changed."""
    if spec.facts.target is Target.DEPLOYMENT:
        return objects.services_of(spec.target_name)
    return [spec.target_name] if spec.facts.target is Target.SERVICE else []


def _changes_answers(spec: ChangeSpec, objects: Objects) -> bool:
    """Return whether pods of another version are to answer: a change that brings one must say how to tell it."""
    if not spec.takes_answer or spec.is_meant_to_fail:
        return False
    selector = {**objects.selector(spec.target_name), **spec.selects}
    return not spec.selects or bool(objects.deployments_with(selector))


def _read(value: Any, place: Place, problems: Problems) -> Located | None:
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, dict) or len(value) != 1:
        problems.add(place, f"expected a change such as restart: {{deployment: apple}}, got {value!r}")
        return None
    ((kind, fields),) = value.items()
    model = CHANGE_PARTS.get(kind)
    if model is None:
        problems.add(place, f"unknown change {kind!r}; known are {listed(CHANGE_PARTS)}", near_kind(kind, CHANGE_PARTS))
        return None
    part = validate(model, fields, (*place, kind), problems)
    if part is None:
        return None
    return CHANGE_KINDS[kind](name=part.name or kind, **part.fields()), place


def _check_rolling_update(spec: RollingUpdate, place: Place, objects: Objects, problems: Problems) -> None:
    if not spec.set:
        problems.add(place, "a rolling update must set something", hint='such as set: {args: ["-text=apple-v2"]}')
    wrong = container_violations(spec.set)
    for violation in wrong:
        problems.add((*place, "set", *violation.path), f"in the container: {sentence({}, violation)}")
    if not exists("Deployment", spec.deployment, (*place, "deployment"), objects, problems):
        return
    containers = objects.containers(spec.deployment)
    names = [str(container.get("name")) for container in containers]
    if spec.container and spec.container not in names:
        message = f"no container {spec.container!r} in Deployment {spec.deployment}; it has {listed(names)}"
        problems.add((*place, "container"), message, near(spec.container, names))
    chosen = [c for c in containers if spec.container in ("", c.get("name"))][:1]
    if chosen and not wrong:
        _check_refusals(spec, str(chosen[0].get("name")), place, objects, problems)
    if spec.set and chosen and all(chosen[0].get(field) == value for field, value in spec.set.items()):
        problems.add((*place, "set"), "the container has these values already: nothing would be rolled out")
    numbered = "{time}" in repr(spec.set)
    if spec.times > 1 and spec.until == "complete" and spec.set and not numbered:
        message = f"set says the same all {spec.times} times, so only the first would roll anything out"
        problems.add((*place, "set"), message, hint='number it: args: ["-text=apple-v2-{time}"]')
    if "{time}" in spec.answer and not numbered:
        problems.add((*place, "answer"), "the answer counts with {time}, but nothing in set does")


def _check_refusals(spec: RollingUpdate, name: str, place: Place, objects: Objects, problems: Problems) -> None:
    """What an API server would refuse in the Deployment with the update that it does not refuse without it."""
    deployment = objects.find("Deployment", spec.deployment) or {}
    container = {"name": name, **spec.set}
    try:
        updated = strategic_merge(deployment, {"spec": {"template": {"spec": {"containers": [container]}}}})
    except PatchError as error:
        problems.add((*place, "set"), f"this can't be applied: {error}")
        return
    before = [str(refusal) for refusal in refusals(deployment)]
    for refusal in refusals(updated):
        if str(refusal) not in before:
            message = f"an API server refuses Deployment {spec.deployment} with this: {refusal}"
            problems.add((*place, "set"), message)


def _check_deployment(spec: Restart | DeletePod, place: Place, objects: Objects, problems: Problems) -> None:
    if (
        exists("Deployment", spec.deployment, (*place, "deployment"), objects, problems)
        and objects.replicas(spec.deployment) == 0
    ):
        problems.add((*place, "deployment"), f"Deployment {spec.deployment} has no replicas: there is no pod to change")


def _check_scale(spec: Scale, place: Place, objects: Objects, problems: Problems) -> None:
    there = exists("Deployment", spec.deployment, (*place, "deployment"), objects, problems)
    if there and objects.replicas(spec.deployment) == spec.replicas:
        message = f"Deployment {spec.deployment} has {_replicas(spec.replicas)} already: nothing would change"
        problems.add((*place, "replicas"), message)


def _replicas(number: int) -> str:
    return "1 replica" if number == 1 else f"{number} replicas"


def _check_selector_patch(spec: SelectorPatch, place: Place, objects: Objects, problems: Problems) -> None:
    if not exists("Service", spec.service, (*place, "service"), objects, problems):
        return
    present = objects.selector(spec.service)
    if spec.selector.items() <= present.items():
        problems.add((*place, "selector"), f"Service {spec.service} has this selector already: nothing would change")
    if spec.answer and not objects.deployments_with({**present, **spec.selector}):
        selector = ",".join(f"{key}={value}" for key, value in {**present, **spec.selector}.items())
        problems.add(
            (*place, "answer"), f"nobody can give this answer: no Deployment's pods have the labels {selector}"
        )


def _check_ingress_edit(spec: IngressEdit, place: Place, objects: Objects, problems: Problems) -> None:
    if not spec.annotations and not spec.patch:
        problems.add(place, "an Ingress edit must set annotations or a patch")
    if not exists("Ingress", spec.ingress, (*place, "ingress"), objects, problems):
        return
    present = at(objects.find("Ingress", spec.ingress), "metadata", "annotations") or {}
    if spec.annotations and not spec.patch and spec.annotations.items() <= present.items():
        problems.add((*place, "annotations"), f"Ingress {spec.ingress} has these annotations already")


_CHECKS: Mapping[type[ChangeSpec], Callable[[Any, Place, Objects, Problems], None]] = {
    RollingUpdate: _check_rolling_update,
    Restart: _check_deployment,
    DeletePod: _check_deployment,
    Scale: _check_scale,
    SelectorPatch: _check_selector_patch,
    IngressEdit: _check_ingress_edit,
}
