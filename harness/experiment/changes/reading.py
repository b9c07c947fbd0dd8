"""The changes: from a word or a map in the file to a record, and the checks of one change in one configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple, cast

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import NamedSchema
from harness.experiment.cluster_rules import WITH_PODS
from harness.experiment.naming import service_of
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems, listed, near, near_kind
from harness.experiment.validation import validate
from harness.kit.located_yaml import Place
from harness.model.change_facts import TargetKind
from harness.model.changes import CHANGE_KINDS, ChangeSpec, NoChange, module_of
from harness.model.controllers import CONTROLLERS, NO_CONTROLLER, controller_facts
from harness.model.experiment import TrafficPlan
from harness.problem_codes import ProblemCode


class LocatedChange(NamedTuple):
    """A change and its path in the file.

    Attributes:
        spec: The change.
        place: Path of its item in the list.
        other: Path of the change that must be in progress when it is made; empty if there is none.
    """

    spec: ChangeSpec
    place: Place
    other: Place = ()

    @property
    def parts(self) -> tuple[tuple[ChangeSpec, Place], ...]:
        """Return the changes of a trial, each with the path of its fields."""
        places = (self.other, self.place) if self.spec.during is not None else (self.place,)
        return tuple((part, (*place, part.kind)) for part, place in zip(self.spec.parts, places, strict=True))


class _ParsedChange(NamedTuple):
    """A change as in the file, before the change that its ``while`` names is looked up.

    Attributes:
        located: The change.
        other: Name of the change that must be in progress when it is made; empty for none.
    """

    located: LocatedChange
    other: str


#: Adds the problems of a change to those of a context.
KindCheck = Callable[[Any, Place, CheckContext], None]


def schema_of(kind: str) -> type[NamedSchema]:
    """Return the schema of a kind: ``<Record>Schema`` of its module."""
    return cast("type[NamedSchema]", getattr(_module(kind), f"{CHANGE_KINDS[kind].__name__}Schema"))


def check_of(kind: str) -> KindCheck:
    """Return the check of a kind: ``check`` of its module."""
    return cast("KindCheck", _module(kind).check)


def _module(kind: str) -> Any:
    return import_module(f"harness.experiment.changes.{module_of(kind)}")


def parse_changes(value: Any, problems: Problems) -> tuple[LocatedChange, ...]:
    """Return the changes without errors, in the file's order."""
    if not isinstance(value, list) or not value:
        message = f"expected a list of changes; known are {listed(CHANGE_KINDS)}"
        problems.add(ProblemCode.WRONG_TYPE, ("changes",), message)
        return ()
    parsed = [_parse(item, ("changes", index), problems) for index, item in enumerate(value)]
    found = [item for item in parsed if item is not None]
    whole = tuple(_with_other(item, found, problems, is_whole=len(found) == len(parsed)) for item in found)
    return tuple(located for located in whole if located is not None)


def _with_other(
    parsed: _ParsedChange, known: Sequence[_ParsedChange], problems: Problems, *, is_whole: bool
) -> LocatedChange | None:
    """Return a change with the one that is made first, with as many repetitions; None if that one has an error.

    Args:
        parsed: The change.
        known: All changes without errors.
        problems: Gets the errors.
        is_whole: No change has an error, so an unknown name is one.
    """
    located, name = parsed
    if not name:
        return located
    place = (*located.place, located.spec.kind, "while")
    other = next((item for item in known if item.located.spec.name == name and item is not parsed), None)
    if other is None:
        names = [item.located.spec.name for item in known if not item.other]
        message = f"no other change {name!r} in the list; there are {listed(names)}"
        if is_whole:
            problems.add(ProblemCode.UNKNOWN_NAME, place, message, near(name, names))
        return None
    if other.other:
        message = f"{name} is made while {other.other} is in progress itself; only two changes can overlap"
        problems.add(ProblemCode.CONFLICT, place, message)
        return None
    spec = located.spec
    first = replace(other.located.spec, times=spec.times, pause=spec.pause)
    return LocatedChange(replace(spec, during=first), located.place, other.located.place)


def with_control(changes: tuple[LocatedChange, ...]) -> tuple[LocatedChange, ...]:
    """Return the changes with the control, which comes first if the file does not list it."""
    if any(spec.facts.is_control for spec, *_ in changes):
        return changes
    return (LocatedChange(NoChange(name=NoChange.kind), ("changes",)), *changes)


def check_change_names(changes: Sequence[LocatedChange], problems: Problems) -> None:
    """Require that each change has a name of its own."""
    first: dict[str, Place] = {}
    for spec, place, *_ in changes:
        if first.setdefault(spec.name, place) != place:
            line = problems.document.line_of(first[spec.name])
            message = f"a second change named {spec.name}, as on line {line}"
            problems.add(ProblemCode.REPEATED, place, message, hint="give one of them another `name`")


def check_change(spec: ChangeSpec, place: Place, context: CheckContext) -> None:
    """Check one change in one configuration; the context's problems get the errors."""
    if spec.facts.needs_ingress and context.ingress == NO_CONTROLLER.word:
        message = f"{spec.kind} changes what an ingress controller does, and traffic goes past it"
        context.add(ProblemCode.NEEDS_INGRESS, place, message, "name an ingress, and leave entry out")
        return
    if spec.facts.splits_requests and not controller_facts(context.ingress).share_rights:
        able = [word for word, facts in CONTROLLERS.items() if facts.share_rights]
        message = f"{context.ingress} can't share the requests of a rule"
        context.add(ProblemCode.CANNOT_SPLIT, place, message, f"ingress: {' or '.join(able)}")
        return
    if spec.target.value in WITH_PODS and spec.target.value not in context.rules.pod_kinds:
        message = f"{spec.kind}: the embedded cluster stores {spec.target} {spec.target_name} and runs no pods for it"
        context.add(ProblemCode.CHANGE_NOT_ALLOWED, place, message, "use --cluster kind, or --cluster context")
    refused = context.rules.change(spec)
    if refused is not None:
        context.add(ProblemCode.CHANGE_NOT_ALLOWED, place, refused.message, refused.hint)
    check_of(spec.kind)(spec, place, context)


def with_answers(spec: ChangeSpec, plan: TrafficPlan, objects: WorkloadObjects) -> ChangeSpec:
    """Return the change with the answers that it makes right, on the routes that lead to the changed object.

    Answers that the file gives for a route are taken as they are. A route without answers in the traffic plan needs
    none. The change that is made first gets its own.
    """
    other = with_answers(spec.during, plan, objects) if spec.during else None
    return replace(spec, during=other, answers={**spec.answers_on(_derived(spec, plan, objects)), **spec.answers})


def check_answers(spec: ChangeSpec, place: Place, plan: TrafficPlan, context: CheckContext) -> None:
    """Require that ``answers`` names routes, and that the new version's answer is known on the changed routes."""
    keys = [route.key for route in plan.routes]
    for key in spec.answers.keys() - set(keys):
        message = f"{key} gets no traffic; paths are {listed(keys)}"
        context.add(ProblemCode.UNKNOWN_NAME, (*place, "answers", key), message, near(key, keys))
    routes = _derived(spec, plan, context.objects)
    if routes and not spec.new_answer and _brings_new_answer(spec, context.objects):
        message = f"answer is required: the body that tells the new backend of {listed(routes)} from the old one"
        context.add(ProblemCode.ANSWER_REQUIRED, place, message, hint='such as answer: "apple-v2"')


def _derived(spec: ChangeSpec, plan: TrafficPlan, objects: WorkloadObjects) -> list[str]:
    """Return the routes with answers that lead to the changed object and that ``answers`` does not name."""
    services = services_behind(spec, objects)
    pinned = [route for route in plan.routes if route.answers and route.key not in spec.answers]
    return [route.key for route in pinned if service_of(route, plan, objects) in services]


def services_behind(spec: ChangeSpec, objects: WorkloadObjects) -> list[str]:
    """Return the Services that lead to the changed object."""
    if spec.target.value in WITH_PODS:
        return objects.services_of(spec.target_name, spec.target.value)
    return [spec.target_name] if spec.facts.target is TargetKind.SERVICE else []


def _brings_new_answer(spec: ChangeSpec, objects: WorkloadObjects) -> bool:
    """Return whether pods of another version answer after the change."""
    if not spec.takes_answer or spec.is_meant_to_fail:
        return False
    selector = spec.selector_after(objects.selector(spec.target_name))
    return not spec.selects or bool(objects.deployments_with(selector))


def _parse(value: Any, place: Place, problems: Problems) -> _ParsedChange | None:
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, dict) or len(value) != 1:
        message = f"expected a change such as restart: {{deployment: apple}}, got {value!r}"
        problems.add(ProblemCode.WRONG_TYPE, place, message)
        return None
    ((kind, fields),) = value.items()
    if kind not in CHANGE_KINDS:
        message = f"unknown change {kind!r}; known are {listed(CHANGE_KINDS)}"
        problems.add(ProblemCode.UNKNOWN_NAME, place, message, near_kind(str(kind), CHANGE_KINDS))
        return None
    schema = schema_of(kind)
    if isinstance(fields, list) and schema.list_field:
        fields = {schema.list_field: fields}
    parsed = validate(schema, fields, (*place, kind), problems)
    if parsed is None:
        return None
    name = parsed.name or (f"{kind}-while-{parsed.other}" if parsed.other else kind)
    return _ParsedChange(LocatedChange(CHANGE_KINDS[kind](name=name, **parsed.fields()), place), parsed.other)
