"""Decides from what was observed if a step is done, which mistake was made, and which hint would help. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.exercises.steps import ExerciseStep, LevelCheck
from harness.kube.rollout import Rollout, rollout_status
from harness.kube.selectors import selected_by

#: The end of the words for a deletion.
_DELETED = ": deleted"


@dataclass(frozen=True, slots=True)
class SeenChange:
    """A change since the step began.

    Attributes:
        kind: Kind of the object.
        name: Its name.
        text: The change in words.
    """

    kind: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Observed:
    """The observed state of a session in one step.

    Attributes:
        changes: Changes since the step began.
        objects: ``Kind/name`` -> object, of the participant's namespace.
        elsewhere: ``Kind/name`` -> another namespace that has such an object.
        output: Output of the commands typed in the guide since the step began.
        settling: True if the card of the latest change is not settled.
    """

    changes: Sequence[SeenChange] = ()
    objects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    settling: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark to the participant, by its name in the texts.

    Attributes:
        name: Name of the text.
        values: Values for the words in braces.
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)


def is_done(step: ExerciseStep, observed: Observed) -> bool:
    """Return True if the step's check holds."""
    check = step.check
    if check.level is not None:
        return holds(check.level, observed.objects)
    if check.edge:
        return any(re.search(check.edge, change.text) for change in observed.changes)
    return bool(re.search(check.output, observed.output))


def holds(level: LevelCheck, objects: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return True if an object has a value."""
    found: Any = objects.get(level.object)
    if found is None:
        return False
    for part in filter(None, level.path.split(".")):
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, Sequence) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return False
    return level.path == "" or found == level.value


def wrong_turn(step: ExerciseStep, observed: Observed) -> Remark | None:
    """Return a remark about the participant's mistake, the most specific one; None if there is no mistake."""
    if not step.target or is_done(step, observed):
        return None
    if step.target in observed.elsewhere:
        return Remark("wrong_namespace", {"object": step.target, "namespace": observed.elsewhere[step.target]})
    kind, _, name = step.target.partition("/")
    own = [change.text for change in observed.changes if (change.kind, change.name) == (kind, name)]
    if own:
        return _wrong_change(step.target, own[-1], observed)
    if gone := _deleted(observed):
        return Remark("wrong_deleted", {"object": gone})
    others = [change.name for change in observed.changes if change.kind == kind]
    return Remark("wrong_object", {"found": f"{kind} {others[-1]}", "wanted": f"{kind} {name}"}) if others else None


def _deleted(observed: Observed) -> str:
    """Return the object that was deleted last and is still missing; empty if there is none."""
    found = [f"{each.kind}/{each.name}" for each in observed.changes if each.text.endswith(_DELETED)]
    return next((each for each in reversed(found) if each not in observed.objects), "")


def _wrong_change(target: str, text: str, observed: Observed) -> Remark:
    kind, _, name = target.partition("/")
    if text.endswith(_DELETED):
        return Remark("wrong_deleted", {"object": target})
    selector = (observed.objects.get(target) or {}).get("spec", {}).get("selector")
    if kind == "Service" and selector and not _selects(selector, observed):
        words = ", ".join(f"{key}={value}" for key, value in selector.items())
        return Remark("wrong_selector", {"name": name, "selector": words})
    return Remark("wrong_change", {"change": text})


def hint(step: ExerciseStep, observed: Observed) -> Remark:
    """Return the hint that fits the observed state."""
    waiting = _waiting_rollout(observed)
    if waiting is not None:
        return waiting
    if observed.settling:
        return Remark("hint_settling")
    if step.check.output:
        return Remark("hint_here", {"command": step.command})
    if observed.changes:
        return Remark("hint_again", {"change": observed.changes[-1].text, "command": step.command})
    return Remark("hint_nothing", {"object": step.target, "command": step.command})


def _waiting_rollout(observed: Observed) -> Remark | None:
    for key, found in observed.objects.items():
        if not key.startswith("Deployment/"):
            continue
        name, status = key.removeprefix("Deployment/"), rollout_status(found)
        if status.state is Rollout.DEADLINE_EXCEEDED:
            return Remark("hint_deadline", {"name": name})
        if status.state is Rollout.PROGRESSING:
            return Remark("hint_rollout", {"name": name, "missing": status.missing})
    return None


def _selects(selector: Mapping[str, str], observed: Observed) -> bool:
    return any(
        selected_by(selector, found.get("metadata", {}).get("labels") or {})
        for key, found in observed.objects.items()
        if key.startswith("Pod/")
    )
