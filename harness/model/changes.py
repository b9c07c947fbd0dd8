"""The alterations that an Experiment can ask for, as validated records.

What a change does to a cluster is in ``harness.changes``; here is only what the user said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSpec:
    """What all changes have in common.

    Attributes:
        name: Unique in its Experiment; the kind where the user gave none.
        times: How often the change is made in one trial; what has an undo is undone in between, under traffic.
        pause: Seconds between two repetitions, from when the system has come to rest.
        answers: Answers (glob patterns on the whole body, by the route's key) that are right once the change has begun,
            beside those of the traffic plan.
    """

    kind: ClassVar[str]
    name: str
    times: int = 1
    pause: float = 0.0
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChange(ChangeSpec):
    """The control: nothing is changed for ``hold`` seconds."""

    kind: ClassVar[str] = "none"
    hold: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingUpdate(ChangeSpec):
    """A new pod template for a Deployment.

    Attributes:
        deployment: Its name.
        set: Fields of the container that get a new value; ``{time}`` in a string is the repetition, from 1.
        container: The container's name; the first one where empty.
        answer: Glob of the body that only the new version gives (``{time}`` as in ``set``); observed when it is seen.
        until: ``complete``, or ``progress-deadline`` for a rollout meant to get stuck and be called failed.
    """

    kind: ClassVar[str] = "rolling-update"
    deployment: str
    set: Mapping[str, Any] = field(default_factory=dict)
    container: str = ""
    answer: str = ""
    until: Literal["complete", "progress-deadline"] = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(ChangeSpec):
    """``kubectl rollout restart``: the same template with a new annotation."""

    kind: ClassVar[str] = "restart"
    deployment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePod(ChangeSpec):
    """One ready pod of a Deployment is deleted; observed when its replacement is ready.

    Attributes:
        deployment: Whose pod.
        force: Grace period 0, as ``kubectl delete --force``.
    """

    kind: ClassVar[str] = "delete-pod"
    deployment: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(ChangeSpec):
    """Another number of replicas."""

    kind: ClassVar[str] = "scale"
    deployment: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorPatch(ChangeSpec):
    """A Service's selector gets other values.

    Attributes:
        service: Its name.
        selector: The labels that change (merged into the selector).
        answer: Glob of the body that the new backend gives; empty if nobody is to answer.
        hold: Seconds until it is patched back as part of the change; 0 leaves it until the trial's end.
    """

    kind: ClassVar[str] = "selector-patch"
    service: str
    selector: Mapping[str, str]
    answer: str = ""
    hold: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressEdit(ChangeSpec):
    """An Ingress gets other annotations or another spec; observed when the controller has reloaded.

    Attributes:
        ingress: Its name.
        annotations: Annotations to set; ``{time}`` in a value is the repetition, from 1.
        patch: A JSON merge patch for the whole object, for what annotations can't say.
    """

    kind: ClassVar[str] = "ingress-edit"
    ingress: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    patch: Mapping[str, Any] = field(default_factory=dict)


#: The kinds of this module, by the word used in Experiment files.
PLAIN_KINDS: Mapping[str, type[ChangeSpec]] = {
    spec.kind: spec for spec in (NoChange, RollingUpdate, Restart, DeletePod, Scale, SelectorPatch, IngressEdit)
}


def substituted(value: Any, number: int) -> Any:
    """Return a value with ``{time}`` in every string of it replaced by the repetition's number."""
    if isinstance(value, str):
        return value.replace("{time}", str(number))
    if isinstance(value, Mapping):
        return {key: substituted(item, number) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substituted(item, number) for item in value]
    return value
