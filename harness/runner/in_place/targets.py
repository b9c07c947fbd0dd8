"""What is changed in place and how, as it is said on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.experiment.changes import read_changes
from harness.experiment.problems import Problems, near
from harness.kit.located_yaml import Document, parse_documents
from harness.model.changes import ChangeSpec

#: Kinds that can be changed in place, by what kubectl calls them.
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("deployment", "deployments", "deploy", "deployment.apps"), "Deployment"),
    **dict.fromkeys(("service", "services", "svc"), "Service"),
    **dict.fromkeys(("ingress", "ingresses", "ing", "ingress.networking.k8s.io"), "Ingress"),
}
#: What can be done to each kind.
CHANGES_OF: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("restart", "delete-pod", "scale", "rolling-update"),
    "Service": ("selector-patch",),
    "Ingress": ("ingress-edit",),
}
#: The changes that can't be put back: a second rollout would be one more change, and a deleted pod is gone.
WITHOUT_UNDO: Mapping[str, str] = {
    "restart": "a second rollout would be one more change",
    "delete-pod": "a pod that is gone does not come back, its replacement does",
}
_OPTION = "--change"


@dataclass(frozen=True, slots=True)
class Target:
    """The object that is changed.

    Attributes:
        kind: ``Deployment``, ``Service`` or ``Ingress``.
        name: Its name.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        """``Deployment/apple``."""
        return f"{self.kind}/{self.name}"


def parse_target(text: str) -> Target:
    """``deployment/apple`` as kubectl writes it.

    Raises:
        InvalidInputError: It is none, or of a kind that can't be changed in place.
    """
    word, slash, name = text.partition("/")
    kind = _KINDS.get(word.lower())
    if kind is None or not slash or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name):
        hint = near(word, ("deployment", "service", "ingress")) if kind is None else ""
        what = "expected deployment/NAME, service/NAME or ingress/NAME"
        raise InvalidInputError([Problem(f"--in-place {text!r}: {what}", hint=hint)])
    return Target(kind, name)


def parse_change(text: str, target: Target) -> ChangeSpec:
    """A change as an Experiment has it, its object being the target: ``restart``, ``scale=3``, ``{scale: {…}}``.

    Raises:
        InvalidInputError: It is none, or none for an object of this kind; every problem is listed.
    """
    document = _document(text)
    kind, fields = _split(document.value, target)
    field = target.kind.lower()
    if fields.setdefault(field, target.name) != target.name:
        message = f"{field}: {fields[field]!r} is not the object that --in-place names, {target.name}"
        raise InvalidInputError([Problem(message, _OPTION)])
    problems = Problems(document)
    changes = read_changes([{kind: fields}], problems, control=False)
    for spec, _ in changes:
        if spec.times != 1:
            problems.add((), "times: in place, a change is made once")
    if problems.found:
        raise InvalidInputError([Problem(problem.message, _OPTION, hint=problem.hint) for problem in problems.found])
    return changes[0][0]


def _document(text: str) -> Document:
    scale = re.fullmatch(r"\s*scale\s*=\s*(\d+)\s*", text)
    documents, problems = parse_documents(f"scale: {{replicas: {scale[1]}}}" if scale else text, _OPTION)
    if not problems and len(documents) != 1:
        problems = [Problem("expected one change, such as restart", _OPTION)]
    if problems:
        raise InvalidInputError(problems)
    return documents[0]


def _split(value: Any, target: Target) -> tuple[str, dict[str, Any]]:
    """The change's word and its fields."""
    known = CHANGES_OF[target.kind]
    value = {value: None} if isinstance(value, str) else value
    if not isinstance(value, dict) or len(value) != 1:
        what = "expected a word or a map of one change to its fields, such as restart or 'scale: {replicas: 3}'"
        raise InvalidInputError([Problem(f"{what}, got {value!r}", _OPTION)])
    ((kind, fields),) = value.items()
    if kind not in known:
        every = {name: of for of, names in CHANGES_OF.items() for name in names}
        other = f"{kind} is for {every[kind].lower()}/NAME" if kind in every else near(str(kind), known)
        message = f"{kind!r} is not a change of a {target.kind}; there are {', '.join(known)}"
        raise InvalidInputError([Problem(message, _OPTION, hint=other)])
    if fields is not None and not isinstance(fields, dict):
        hint = "scale=3 or 'scale: {replicas: 3}'" if kind == "scale" else ""
        raise InvalidInputError([Problem(f"{kind}: expected a map of its fields, got {fields!r}", _OPTION, hint=hint)])
    return str(kind), dict(fields or {})
