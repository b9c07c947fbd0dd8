"""The changes: from a word or a map in the file to a record whose every name exists in the workload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import NamedSchema
from harness.experiment.naming import service_of
from harness.experiment.objects import Objects
from harness.experiment.problems import Problems, listed, near, near_kind
from harness.experiment.validation import validate
from harness.kit.located_yaml import Place
from harness.model.change_facts import TargetKind
from harness.model.changes import CHANGE_KINDS, ChangeSpec, NoChange, module_of
from harness.model.controllers import CONTROLLERS, NO_CONTROLLER, controller_facts
from harness.model.experiment import TrafficPlan

#: A change as read, and where it is.
Located = tuple[ChangeSpec, Place]

#: Adds to the problems of a context whatever is wrong with a change there.
Check = Callable[[Any, Place, CheckContext], None]


def schema_of(kind: str) -> type[NamedSchema]:
    """Return how a file describes a kind: ``<Record>Schema`` of its module."""
    return cast("type[NamedSchema]", getattr(_module(kind), f"{CHANGE_KINDS[kind].__name__}Schema"))


def check_of(kind: str) -> Check:
    """Return how a kind is checked: ``check`` of its module."""
    return cast("Check", _module(kind).check)


def _module(kind: str) -> Any:
    return import_module(f"harness.experiment.changes.{module_of(kind)}")


def read_changes(value: Any, problems: Problems, *, control: bool) -> list[Located]:
    """Return the changes in the file's order; the control is put first where it is wanted and not there."""
    if not isinstance(value, list) or not value:
        problems.add(("changes",), f"expected a list of changes; known are {listed(CHANGE_KINDS)}")
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


def check_changes(changes: Sequence[Located], contexts: Iterable[CheckContext]) -> None:
    """Check every change in every configuration.

    Args:
        changes: As they were read.
        contexts: One for each configuration.
    """
    for context in contexts:
        for spec, place in changes:
            check_change(spec, (*place, spec.kind), context)


def check_change(spec: ChangeSpec, place: Place, context: CheckContext) -> None:
    """Check one change in one configuration; what is wrong goes to the context's problems."""
    if spec.facts.needs_ingress and context.ingress == NO_CONTROLLER.word:
        message = f"{spec.kind} changes what an ingress controller does, and traffic goes past it"
        context.problems.add(place, message, "name an ingress, and leave entry out")
        return
    if spec.facts.splits_requests and not controller_facts(context.ingress).share_rights:
        able = [word for word, facts in CONTROLLERS.items() if facts.share_rights]
        message = f"{context.ingress} can't share the requests of a rule"
        context.problems.add(place, message, f"ingress: {' or '.join(able)}")
        return
    refused = context.rules.change(spec)
    if refused is not None:
        context.problems.add(place, refused.message, refused.hint)
    check_of(spec.kind)(spec, place, context)


def with_answers(located: Located, traffic: TrafficPlan, objects: Objects, problems: Problems) -> ChangeSpec:
    """Return the change with the answers that become right through it, on the routes that lead to what it changes.

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
    if spec.facts.target is TargetKind.DEPLOYMENT:
        return objects.services_of(spec.target_name)
    return [spec.target_name] if spec.facts.target is TargetKind.SERVICE else []


def _changes_answers(spec: ChangeSpec, objects: Objects) -> bool:
    """Return whether pods of another version are to answer: a change that brings one must say how to recognise it."""
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
    if kind not in CHANGE_KINDS:
        message = f"unknown change {kind!r}; known are {listed(CHANGE_KINDS)}"
        problems.add(place, message, near_kind(str(kind), CHANGE_KINDS))
        return None
    read = validate(schema_of(kind), fields, (*place, kind), problems)
    if read is None:
        return None
    return CHANGE_KINDS[kind](name=read.name or kind, **read.fields()), place
