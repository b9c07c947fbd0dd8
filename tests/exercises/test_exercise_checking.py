"""A step is done by what happened or by what is true now; wrong turns are named; hints follow from the state."""

from __future__ import annotations

from typing import Any

import pytest

from harness.exercises.checking import Observed, Remark, SeenChange, hint, is_done, wrong_turn
from harness.exercises.steps import ExerciseStep, LevelCheck, StepCheck
from harness.model.verdict import Verdict

EDGE = StepCheck(edge="Deployment apple: restarted")
LEVEL = StepCheck(level=LevelCheck(object="Service/apple", path="spec.selector.app", value="banana"))


def step(check: StepCheck, target: str) -> ExerciseStep:
    """Return a step."""
    choices = (Verdict.LOSSLESS, Verdict.LOSSY)
    return ExerciseStep(id="x", choices=choices, right=1, command="kubectl x", target=target, check=check)


RESTART = step(EDGE, "Deployment/apple")
PATCH = step(LEVEL, "Service/apple")
REFUSED = step(StepCheck(output="no matches"), "")


def deployment(*, ready: bool = True) -> dict[str, Any]:
    """Return a Deployment whose rollout is complete or under way."""
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": int(ready)}
    return {"metadata": {"name": "apple", "generation": 1}, "spec": {"replicas": 1}, "status": status}


def service(app: str) -> dict[str, Any]:
    """Return a Service with a selector."""
    return {"metadata": {"name": "apple"}, "spec": {"selector": {"app": app}}}


PODS = {f"Pod/{app}": {"metadata": {"name": app, "labels": {"app": app}}} for app in ("apple", "banana")}


def seen(*texts: str) -> list[SeenChange]:
    """Return changes by their words."""
    return [SeenChange(text.split()[0], text.split()[1].rstrip(":"), text) for text in texts]


@pytest.mark.parametrize(
    ("one", "observed", "done"),
    [
        (RESTART, Observed(changes=seen("Deployment apple: restarted")), True),
        (RESTART, Observed(changes=seen("Deployment banana: restarted", "Deployment apple: replicas 1 to 2")), False),
        (RESTART, Observed(), False),
        (PATCH, Observed(objects={"Service/apple": service("banana")}), True),
        (PATCH, Observed(objects={"Service/apple": service("apple")}), False),
        (PATCH, Observed(objects={"Service/other": service("banana")}), False),
        (REFUSED, Observed(output="error: no matches for kind"), True),
        (REFUSED, Observed(output="created"), False),
    ],
)
def test_checks(one: ExerciseStep, observed: Observed, done: bool) -> None:
    """By edge, by level, and by the output of a command that is refused."""
    assert is_done(one, observed) is done


@pytest.mark.parametrize(
    ("path", "value", "holds"),
    [
        ("spec.containers.0.image", "a", True),
        ("spec.containers.1.image", "a", False),
        ("spec.containers.x", "a", False),
        ("spec.containers.0.image.deep", "a", False),
        ("spec.missing", None, True),
        ("", None, True),
    ],
)
def test_levels(path: str, value: object, holds: bool) -> None:
    """A path leads through objects and lists; one that leads nowhere is not true."""
    pod = {"spec": {"containers": [{"image": "a"}]}}
    one = step(StepCheck(level=LevelCheck(object="Pod/a", path=path, value=value)), "Pod/a")

    assert is_done(one, Observed(objects={"Pod/a": pod})) is holds


@pytest.mark.parametrize(
    ("one", "observed", "name"),
    [
        (RESTART, Observed(changes=seen("Deployment banana: restarted")), "wrong_object"),
        (RESTART, Observed(changes=seen("Deployment apple: replicas 1 to 2")), "wrong_change"),
        (RESTART, Observed(changes=seen("Deployment apple: deleted")), "wrong_deleted"),
        (RESTART, Observed(elsewhere={"Deployment/apple": "kube-system"}), "wrong_namespace"),
        (
            PATCH,
            Observed(changes=seen("Service apple: selector"), objects={**PODS, "Service/apple": service("bananna")}),
            "wrong_selector",
        ),
        (
            PATCH,
            Observed(changes=seen("Service apple: selector"), objects={**PODS, "Service/apple": service("apple")}),
            "wrong_change",
        ),
    ],
)
def test_wrong_turns(one: ExerciseStep, observed: Observed, name: str) -> None:
    """Another object, another field, a deletion, another namespace, and a selector with a typing error."""
    found = wrong_turn(one, observed)

    assert found is not None
    assert found.name == name


def test_another_object_is_deleted() -> None:
    """It is named, whatever its kind, until it is there again."""
    changes = seen("Service apple-service: deleted", "Service banana: created")
    found = wrong_turn(RESTART, Observed(changes=changes))

    assert found == Remark("wrong_deleted", {"object": "Service/apple-service"})
    assert wrong_turn(RESTART, Observed(changes=changes, objects={"Service/apple-service": {}})) is None


@pytest.mark.parametrize(
    "observed",
    [
        Observed(),
        Observed(changes=seen("Service banana: created")),
        Observed(changes=seen("Deployment banana: restarted", "Deployment apple: restarted")),
    ],
)
def test_no_wrong_turn(observed: Observed) -> None:
    """Nothing was done, something else was tried, or the right thing was done in the end."""
    assert wrong_turn(RESTART, observed) is None


@pytest.mark.parametrize(
    ("one", "observed", "name"),
    [
        (RESTART, Observed(objects={"Deployment/apple": deployment(ready=False)}), "hint_rollout"),
        (RESTART, Observed(objects={"Deployment/apple": deployment()}, settling=True), "hint_settling"),
        (RESTART, Observed(objects={"Deployment/apple": deployment()}), "hint_nothing"),
        (RESTART, Observed(changes=seen("Service a: created")), "hint_again"),
        (REFUSED, Observed(), "hint_here"),
    ],
)
def test_hints(one: ExerciseStep, observed: Observed, name: str) -> None:
    """Each state has its own hint; no time is involved."""
    assert hint(one, observed).name == name


def test_a_deadline_has_a_hint() -> None:
    """The rollout will not end by itself."""
    stuck = deployment(ready=False)
    stuck["status"]["conditions"] = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]

    assert hint(RESTART, Observed(objects={"Deployment/apple": stuck})) == Remark("hint_deadline", {"name": "apple"})
