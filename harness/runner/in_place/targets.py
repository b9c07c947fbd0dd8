"""Parses the target and the change of ``--in-place`` from the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.experiment.changes.reading import parse_changes
from harness.experiment.problems import Problems, near, near_kind
from harness.kit.located_yaml import YamlDocument, parse_documents
from harness.model.changes import CHANGE_KINDS, ChangeSpec, facts_of
from harness.problem_codes import ProblemCode

#: Kinds that can be changed in place, by their names in kubectl.
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("deployment", "deployments", "deploy", "deployment.apps"), "Deployment"),
    **dict.fromkeys(("service", "services", "svc"), "Service"),
    **dict.fromkeys(("ingress", "ingresses", "ing", "ingress.networking.k8s.io"), "Ingress"),
}
_OPTION = "--change"


@dataclass(frozen=True, slots=True)
class ChangedObject:
    """The object to change.

    Attributes:
        kind: ``Deployment``, ``Service`` or ``Ingress``.
        name: Its name.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        """Return ``Deployment/apple``."""
        return f"{self.kind}/{self.name}"


def parse_object(text: str) -> ChangedObject:
    """Parse an object as kubectl writes it: ``deployment/apple``.

    Raises:
        InvalidInputError: The text names no object, or one of a kind that can't be changed in place.
    """
    word, slash, name = text.partition("/")
    kind = _KINDS.get(word.lower())
    if kind is None or not slash or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name):
        hint = near(word, ("deployment", "service", "ingress")) if kind is None else ""
        what = "expected deployment/NAME, service/NAME or ingress/NAME"
        raise InvalidInputError([Problem(f"--in-place {text!r}: {what}", hint=hint)])
    return ChangedObject(kind, name)


def parse_change(text: str, target: ChangedObject) -> ChangeSpec:
    """Parse a change as written in an Experiment; its object is the target.

    Examples: ``restart``, ``scale=3``, ``{scale: {…}}``.

    Raises:
        InvalidInputError: The text is no change, or no change of this kind of object; lists every problem.
    """
    document = _document(text)
    kind, fields = _split(document.value, target)
    field = target.kind.lower()
    if fields.setdefault(field, target.name) != target.name:
        message = f"{field}: {fields[field]!r} is not the object that --in-place names, {target.name}"
        raise InvalidInputError([Problem(message, _OPTION)])
    if "while" in fields:
        message = "while: in place, one change is made and undone, so no other one can be in progress"
        raise InvalidInputError([Problem(message, _OPTION, hint="overlap changes in an Experiment")])
    problems = Problems(document)
    changes = parse_changes([{kind: fields}], problems)
    for spec, *_ in changes:
        if spec.times != 1:
            problems.add(ProblemCode.CONFLICT, (), "times: in place, a change is made once")
    if problems.found:
        raise InvalidInputError([replace(problem, file=_OPTION, line=0) for problem in problems.found])
    return changes[0][0]


def changes_of(kind: str) -> tuple[str, ...]:
    """Return the names of the changes that can be made in place to a kind of object."""
    return tuple(
        word for word, spec in CHANGE_KINDS.items() if spec.facts.target == kind and not spec.facts.in_place.refused
    )


def usages() -> tuple[str, ...]:
    """Return the command-line form of each change in place."""
    return tuple(spec.facts.in_place.usage for spec in CHANGE_KINDS.values() if not spec.facts.in_place.refused)


def _instead(kind: str, known: tuple[str, ...]) -> str:
    """Return the reason why a name is refused, or the name that was probably meant."""
    if kind not in CHANGE_KINDS:
        return near_kind(kind, known)
    facts = CHANGE_KINDS[kind].facts
    return facts.in_place.refused or f"{kind} is for {facts.target.lower()}/NAME"


def _document(text: str) -> YamlDocument:
    short = re.fullmatch(r"\s*([a-z-]+)\s*=\s*(\d+)\s*", text)
    field = facts_of(short[1]).in_place.shorthand if short else ""
    whole = f"{short[1]}: {{{field}: {short[2]}}}" if short and field else text
    documents, problems = parse_documents(whole, _OPTION)
    if not problems and len(documents) != 1:
        problems = [Problem("expected one change, such as restart", _OPTION)]
    if problems:
        raise InvalidInputError(problems)
    return documents[0]


def _split(value: Any, target: ChangedObject) -> tuple[str, dict[str, Any]]:
    """Return the change's name and its fields."""
    known = changes_of(target.kind)
    value = {value: None} if isinstance(value, str) else value
    if not isinstance(value, dict) or len(value) != 1:
        what = "expected a word or a map of one change to its fields, such as restart or 'scale: {replicas: 3}'"
        raise InvalidInputError([Problem(f"{what}, got {value!r}", _OPTION)])
    ((kind, fields),) = value.items()
    if kind not in known:
        message = f"{kind!r} is not a change of a {target.kind}; there are {', '.join(known)}"
        raise InvalidInputError([Problem(message, _OPTION, hint=_instead(str(kind), known))])
    if fields is not None and not isinstance(fields, dict):
        short = facts_of(str(kind)).in_place.shorthand
        hint = f"{kind}=3 or '{kind}: {{{short}: 3}}'" if short else ""
        raise InvalidInputError([Problem(f"{kind}: expected a map of its fields, got {fields!r}", _OPTION, hint=hint)])
    return str(kind), dict(fields or {})
