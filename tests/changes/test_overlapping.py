"""A change while another one is in progress: it waits for the other's beginning, and both are observed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes import overlapping
from harness.changes.perform import perform
from harness.changes.repetition import Repetition
from harness.errors import HarnessError
from harness.kube.errors import NotFoundError
from harness.model.changes import IngressEdit, Restart, Scale, SelectorPatch
from harness.model.events import NO_DETAIL, Applied, ChangeEvent
from harness.testing.fake_api import FakeKube
from harness.testing.fake_workloads import WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World
NS = "demo"
#: Longer than any test takes on a busy machine.
LONG = 120.0

RESTART = Restart(name="roll", deployment="apple")
REPOINT = SelectorPatch(
    name="repoint", service="apple-service", selector={"version": "banana-v1"}, answer="banana*", during=RESTART
)


class Finisher:
    """A part of the cluster that lets the change in progress end only when the second one is made."""

    def __init__(self, world: World, is_made: Callable[[FakeKube], bool], finish: Callable[[], None]) -> None:
        self._is_made = is_made
        self._finish = finish
        world.kube.reactions.insert(0, self)

    def __call__(self, kube: FakeKube) -> None:
        """Finish the first change if the second one was made."""
        if self._is_made(kube):
            self._finish()


def is_repointed(kube: FakeKube) -> bool:
    """Return True if the Service selects banana."""
    return bool(kube.get("Service", "apple-service", NS)["spec"]["selector"] == {"version": "banana-v1"})


def held_until_repointed(world: World) -> None:
    """Keep the old pods of the restart until the selector is patched."""
    world.workloads.broken.add(WorkloadPart.OLD_PODS)
    Finisher(world, is_repointed, lambda: world.workloads.broken.discard(WorkloadPart.OLD_PODS))


def recorded(world: World, change: str) -> list[str]:
    """Return the names of the events of one change, in order."""
    return [event.what for event in world.events if event.subject == change]


def place(world: World, change: str, what: str) -> int:
    """Return the place of an event in the timeline."""
    return [(event.subject, event.what) for event in world.events].index((change, what))


def test_the_second_change_is_made_while_the_first_is_in_progress(make_world: Callable[..., World]) -> None:
    """It begins when a new pod of the restart is there, and the restart is observed after it was made."""
    world = make_world(timeout=LONG)
    held_until_repointed(world)

    assert perform(REPOINT, world.context)
    assert recorded(world, "roll") == ["begin", "applied", "in-progress", "observed", "end"]
    assert recorded(world, "repoint") == ["begin", "applied", "observed", "end"]
    assert place(world, "roll", "in-progress") < place(world, "repoint", "begin")
    assert place(world, "repoint", "applied") < place(world, "roll", "end")
    assert not world.context.undo.open_entries()


def test_each_repetition_has_its_own_overlap(make_world: Callable[..., World]) -> None:
    """The second change is undone between repetitions, and waits for the next restart."""
    world = make_world(timeout=LONG)
    first = replace(RESTART, times=2)

    assert perform(replace(REPOINT, during=first, times=2), world.context)
    made = [e.detail["n"] for e in world.events if (e.subject, e.what) == ("roll", "in-progress")]
    assert made == [1, 2]
    assert recorded(world, "repoint").count("applied") == 2
    second = [n for n, e in enumerate(world.events) if (e.subject, e.what) == ("roll", "in-progress")][1]
    assert place(world, "repoint", "undo-observed") < second


def test_a_change_that_never_begins_keeps_the_second_one_back(world: World) -> None:
    """No pod comes or goes: the restart was accepted, but it is not in progress."""
    world.workloads.broken.add(WorkloadPart.DEPLOYMENT_CONTROLLER)

    assert not perform(REPOINT, world.context)
    assert not is_repointed(world.kube)
    assert recorded(world, "repoint") == ["begin", "not-observed", "end"]
    assert "the beginning of the other change" in world.missing()


def test_a_change_of_routing_is_in_progress_once_it_is_accepted(make_world: Callable[..., World]) -> None:
    """An edit replaces no pods: the second change is made before the controller has reloaded."""
    world = make_world(timeout=LONG)
    world.ingress.discard("reload")
    edit = IngressEdit(name="edit", ingress="fruit", annotations={"x/timeout": "1"})

    def is_scaled(kube: FakeKube) -> bool:
        return bool(kube.get("Deployment", "banana", NS)["spec"]["replicas"] == 2)

    Finisher(world, is_scaled, lambda: world.ingress.add("reload"))

    assert perform(Scale(name="scale", deployment="banana", replicas=2, during=edit), world.context)
    assert place(world, "scale", "applied") < place(world, "edit", "observed")


def test_the_second_change_alone_can_fail_to_be_observed(make_world: Callable[..., World]) -> None:
    """The ingress controller does not follow the selector, and the restart is complete."""
    world = make_world(timeout=0.3)
    world.ingress.clear()

    assert not perform(REPOINT, world.context)
    assert recorded(world, "repoint") == ["begin", "applied", "not-observed", "end"]
    assert "observed" in recorded(world, "roll")


def test_a_first_change_that_cannot_be_made_fails_the_trial(world: World) -> None:
    """Nothing is in progress, so the second change is not made."""
    nobody = replace(RESTART, deployment="nobody")

    with pytest.raises(NotFoundError):
        perform(replace(REPOINT, during=nobody), world.context)
    assert not is_repointed(world.kube)
    assert recorded(world, "repoint") == []


def test_a_second_change_that_cannot_be_made_cuts_the_first_one_short(make_world: Callable[..., World]) -> None:
    """The restart, which would wait for long, ends at once, and its thread with it."""
    world = make_world(timeout=LONG)
    world.workloads.broken.add(WorkloadPart.OLD_PODS)

    with pytest.raises(NotFoundError):
        perform(replace(REPOINT, service="nobody"), world.context)
    assert recorded(world, "roll") == ["begin", "applied", "in-progress", "end"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("roll")]


def test_a_first_change_that_fails_later_ends_the_second_one(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one would wait for long, and gets the error of the first."""
    world, second_waits = make_world(timeout=LONG), threading.Event()

    def first(repetition: Repetition[Any]) -> bool:
        repetition.record(ChangeEvent.APPLIED, Applied(begun=1))
        second_waits.wait(LONG)
        raise HarnessError("The first change broke.")

    def second(repetition: Repetition[Any]) -> bool:
        second_waits.set()
        return repetition.observe(ChangeEvent.OBSERVED, lambda: ("nothing that ever comes",), NO_DETAIL)

    executors = {"ingress-edit": first, "scale": second}
    monkeypatch.setattr(overlapping, "executor_of", executors.__getitem__)
    edit = IngressEdit(name="edit", ingress="fruit", annotations={"x/timeout": "1"})

    with pytest.raises(HarnessError, match="The first change broke"):
        perform(Scale(name="scale", deployment="banana", replicas=2, during=edit), world.context)
    assert recorded(world, "scale") == ["begin", "end"]


def test_only_one_of_the_two_changes_reads_the_traffic_at_a_time(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of the ledger keeps its place in the file, and serves one thread."""
    world, both, asking = make_world(timeout=LONG), threading.Barrier(2), threading.Lock()

    def answered(_pattern: str, _since: int, _route: str = "") -> bool:
        assert asking.acquire(blocking=False), "the other thread is reading"
        second_comes.wait(0.05)
        asking.release()
        return True

    def ask(repetition: Repetition[Any]) -> bool:
        repetition.record(ChangeEvent.APPLIED, Applied(begun=1))
        both.wait(LONG)
        return all(repetition.context.answered("x", 0) for _ in range(5))

    second_comes = threading.Event()
    world.context = replace(world.context, answered=answered)
    monkeypatch.setattr(overlapping, "executor_of", lambda _kind: ask)
    edit = IngressEdit(name="edit", ingress="fruit", annotations={"x/timeout": "1"})

    assert perform(Scale(name="scale", deployment="banana", replicas=2, during=edit), world.context)
