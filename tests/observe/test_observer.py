"""The observer sees what happens, says when it could not, and never fails in silence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.kit.waiting import wait_until
from harness.kube.api import Objects, WatchEvent
from harness.kube.errors import ForbiddenError, UnreachableError
from harness.model.timeline import Event, EventKind
from harness.observe.observer import ObservationError, Observer
from harness.testing.fake_api import FakeKube
from harness.testing.fake_workloads import endpoint_slice, pod

NS = "demo"


class Timeline:
    """Keeps events; can be told to fail."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failure: Exception | None = None

    def record(self, event: Event) -> None:
        """Keep one."""
        if self.failure:
            raise self.failure
        self.events.append(event)

    def has(self, what: str, subject: str = "") -> bool:
        """Whether such an event was kept."""
        return any(e.what == what and subject in {"", e.subject} for e in list(self.events))

    def wait(self, what: str, subject: str = "") -> Event:
        """The first such event, awaited."""
        wait_until(lambda: self.has(what, subject), timeout=60, what=f"{what} of {subject}")
        return next(e for e in self.events if e.what == what and subject in {"", e.subject})


class Ingress:
    """An ingress controller that does what the test says."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._todo: list[Event] = []
        self._changed = threading.Condition()

    def does(self, what: str) -> None:
        """Do something now."""
        with self._changed:
            self._todo.append(Event(Clock.start().now(), EventKind.INGRESS, "controller", what))
            self._changed.notify()

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Follow."""
        while not stop():
            if self.failure:
                raise self.failure
            with self._changed:
                self._changed.wait_for(lambda: bool(self._todo), 0.02)
                todo, self._todo = self._todo, []
            yield from todo


class Scene:
    """An observer's surroundings."""

    def __init__(self) -> None:
        self.kube = FakeKube()
        self.timeline = Timeline()
        self.ingress = Ingress()
        self.clock = Clock.start()

    def observer(self) -> Observer:
        """One that is not started."""
        return Observer(self.kube, self.ingress, NS, self.timeline, self.clock)

    def add(self, name: str, **fields: Any) -> None:
        """Put a ready pod."""
        self.kube.put(pod(name, {"app": "apple"}, "127.9.1.1", **fields), NS)

    def serve(self) -> None:
        """A Service for the pods, and its endpoints as they are now."""
        self.kube.put({"kind": "Service", "metadata": {"name": "apple"}, "spec": {"selector": {"app": "apple"}}}, NS)
        self.kube.put(endpoint_slice("apple", self.kube.list("Pod", NS)), NS)


@pytest.fixture
def scene() -> Scene:
    """An empty namespace."""
    return Scene()


def test_what_is_there_is_known_when_the_context_begins(scene: Scene) -> None:
    """The first look is complete before anything else goes on."""
    scene.add("old")

    with scene.observer():
        assert scene.timeline.has("ready", "old")


def test_what_happens_is_seen(scene: Scene) -> None:
    """A pod's coming and going, its endpoints and its kubelet's words are on the timeline."""
    with scene.observer():
        scene.add("new")
        scene.timeline.wait("ready", "new")
        scene.serve()
        scene.timeline.wait("changed", "apple")
        scene.kube.put(
            {
                "kind": "Event",
                "metadata": {"name": "new.1"},
                "involvedObject": {"kind": "Pod", "name": "new"},
                "reason": "FailedPreStopHook",
                "source": {"component": "kubelet"},
            },
            NS,
        )
        scene.timeline.wait("FailedPreStopHook", "new")
        scene.kube.remove("Pod", "new", NS)
        scene.timeline.wait("gone", "new")


def test_an_interrupted_watch_is_recorded_and_what_was_missed_is_found(scene: Scene) -> None:
    """A break is an event; a pod that came and one that went meanwhile are found by listing, and said to be inexact."""
    scene.add("old")
    with scene.observer() as observer:
        scene.kube.refusals["list"] = UnreachableError("list", 0, "no answer", "refused")
        scene.kube.break_watches()
        scene.timeline.wait("interrupted", "Pod")
        scene.kube.remove("Pod", "old", NS)
        scene.add("new")
        scene.kube.refusals.clear()
        gone = scene.timeline.wait("gone", "old")
        scene.timeline.wait("resumed", "Pod")
        observer.check()

    assert gone.exact_ns > 0
    assert scene.timeline.has("ready", "new")
    assert len([e for e in scene.timeline.events if e.what == "interrupted" and e.subject == "Pod"]) == 1


def test_expired_history_is_an_interruption(scene: Scene) -> None:
    """410 means that events were missed: recorded, and made up for by a list."""
    with scene.observer():
        scene.kube.forget_history()
        scene.kube.put({"kind": "Other", "metadata": {"name": "x"}}, NS)
        scene.kube.forget_history()
        scene.timeline.wait("interrupted", "Pod")
        scene.add("new")
        scene.timeline.wait("ready", "new")


class EndingWatches(FakeKube):
    """Ends every watch in good order after its first event."""

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """One event at most."""
        for event in super().watch(kind, namespace, since=since, stop=stop):
            yield event
            return


def test_a_watch_that_ends_in_good_order_is_resumed_where_it_was(scene: Scene) -> None:
    """No interruption is recorded, nothing is listed again, and nothing is missed or told twice."""
    scene.kube = EndingWatches()
    with scene.observer():
        for name in ("a", "b", "c"):
            scene.add(name)
        scene.timeline.wait("ready", "c")

    assert not scene.timeline.has("interrupted")
    assert [e.subject for e in scene.timeline.events if e.what == "created"] == ["a", "b", "c"]


def test_a_watcher_that_can_not_begin_is_an_error(scene: Scene) -> None:
    """Without the right to list there is no observation, and no thread is left."""
    scene.kube.refusals["list"] = ForbiddenError("list Pod", 403, "Forbidden", "no")

    with pytest.raises(ObservationError), scene.observer():
        pytest.fail("it must not begin")


def test_a_bug_in_a_watcher_does_not_vanish(scene: Scene) -> None:
    """It is on the timeline, and both check() and the end of the context raise it."""

    def trial() -> None:
        with scene.observer() as observer:
            scene.kube.put({"kind": "Service", "metadata": {"name": "broken"}, "spec": "nonsense"}, NS)
            assert scene.timeline.wait("failed", "Service").kind is EventKind.WATCH
            assert failed(observer)

    with pytest.raises(ObservationError):
        trial()


def test_a_timeline_that_can_not_be_written_fails_the_trial(scene: Scene) -> None:
    """A full disk is told, though it can't be put on the timeline."""

    def trial() -> None:
        with scene.observer() as observer:
            scene.timeline.failure = HarnessError("No room on disk.")
            scene.add("new")
            wait_until(lambda: failed(observer), timeout=60, what="the failure")

    with pytest.raises(ObservationError) as caught:
        trial()
    assert "No room on disk" in str(caught.value)


def failed(observer: Observer) -> bool:
    """Whether a check raises."""
    try:
        observer.check()
    except ObservationError:
        return True
    return False


def test_a_failing_ingress_log_fails_the_trial(scene: Scene) -> None:
    """The ingress controller's events are watched like the rest."""

    def trial() -> None:
        with scene.observer():
            scene.ingress.failure = ValueError("not a log line")
            scene.timeline.wait("failed", "ingress")

    with pytest.raises(ObservationError) as caught:
        trial()
    assert "not a log line" in str(caught.value)


def test_an_error_on_its_way_is_not_hidden_by_a_watcher(scene: Scene) -> None:
    """What the trial failed of comes first."""

    def trial() -> None:
        with scene.observer():
            scene.ingress.failure = ValueError("not a log line")
            scene.timeline.wait("failed", "ingress")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trial()


def test_what_the_ingress_does_is_seen_from_then_on(scene: Scene) -> None:
    """An act counts for every moment up to itself, and for no other act."""
    with scene.observer() as observer:
        before = scene.clock.now()
        assert not observer.ingress_seen("reload", before)
        scene.ingress.does("reload")
        scene.timeline.wait("reload")

        assert observer.ingress_seen("reload", before)
        assert not observer.ingress_seen("endpoints", before)
        assert not observer.ingress_seen("reload", scene.clock.now())


def test_it_is_quiet_when_the_ingress_has_followed_the_endpoints(scene: Scene) -> None:
    """From the change of endpoints until the ingress has them it is not."""
    scene.add("a")
    with scene.observer() as observer:
        since = scene.clock.now()
        scene.serve()
        scene.timeline.wait("changed", "apple")
        assert not observer.quiet(since)

        scene.ingress.does("endpoints")
        wait_until(lambda: observer.quiet(since), timeout=60, what="rest")


def test_leaving_is_prompt(scene: Scene) -> None:
    """All threads have ended when the context has."""
    with scene.observer():
        names = {thread.name for thread in threading.enumerate()}
    after = {thread.name for thread in threading.enumerate()}

    expected = {"observe Pod", "observe EndpointSlice", "observe Service", "observe Event", "observe ingress"}
    assert expected <= names
    assert not expected & after


def test_the_first_look_is_as_exact_as_the_trial_is_young(scene: Scene) -> None:
    """What is found at the begin came about since the trial began, not since the machine was switched on."""
    scene.add("old")
    scene.serve()
    with scene.observer():
        changed = scene.timeline.wait("changed", "apple")

    earliest = changed.at - changed.exact_ns
    begin = scene.clock.monotonic_anchor_ns
    assert begin - 10**9 <= earliest <= begin  # objects are dated in whole seconds


def test_what_is_older_than_the_trial_is_not_dated_into_it(scene: Scene) -> None:
    """An application that ran before has been as it is since its objects were made, for all anybody knows."""
    scene.add("old")
    scene.serve()
    (made,) = scene.kube.list("EndpointSlice", NS)
    day_before = scene.clock.isoformat(scene.clock.now() - 86_400 * 10**9)
    scene.kube.put({**made, "metadata": {**made["metadata"], "creationTimestamp": day_before}}, NS)
    with scene.observer():
        changed = scene.timeline.wait("changed", "apple")

    assert changed.exact_ns >= 86_400 * 10**9


class NoNodes(FakeKube):
    """Somebody's cluster: its nodes are not for everyone."""

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """Everything but nodes."""
        if kind == "Node":
            raise ForbiddenError("list Node", 403, "Forbidden", "not for you")
        return super().list_with_version(kind, namespace, labels=labels)


def test_nodes_that_may_not_be_seen_are_done_without(scene: Scene) -> None:
    """It is said, and everything else goes on."""
    scene.kube = NoNodes()
    with scene.observer() as observer:
        scene.timeline.wait("not-permitted", "Node")
        scene.add("new")
        scene.timeline.wait("ready", "new")
        observer.check()


def test_a_node_in_need_is_seen(scene: Scene) -> None:
    """Its condition is on the timeline while it lasts."""
    with scene.observer():
        status = {"conditions": [{"type": "MemoryPressure", "status": "True"}]}
        scene.kube.put({"kind": "Node", "metadata": {"name": "n1"}, "status": status}, "")
        assert scene.timeline.wait("unwell", "n1").detail["condition"] == "MemoryPressure"


def test_changes_are_counted_of_what_is_followed(scene: Scene) -> None:
    """Each change of a kind counts, a Deployment's without an event of its own; others have no count."""
    scene.add("old")
    with scene.observer() as observer:
        before = {kind: observer.revision(kind, NS) for kind in ("Pod", "EndpointSlice", "Deployment")}
        assert None not in before.values()
        assert observer.revision("Ingress", NS) is None
        assert observer.revision("Pod", "elsewhere") is None
        scene.kube.put({"kind": "Deployment", "metadata": {"name": "apple"}, "spec": {}}, NS)
        wait_until(lambda: observer.revision("Deployment", NS) != before["Deployment"], timeout=60, what="a count")
        assert observer.revision("Pod", NS) == before["Pod"]
        assert "Deployment" not in {event.subject for event in scene.timeline.events}


def test_what_is_not_followed_at_the_moment_has_no_count(scene: Scene) -> None:
    """While a watch is broken nobody would tell of a change, so nothing may be taken for unchanged."""
    with scene.observer() as observer:
        before = observer.revision("Pod", NS)
        assert before is not None
        scene.kube.refusals["list"] = UnreachableError("list", 0, "no answer", "down")
        scene.kube.break_watches()
        wait_until(lambda: observer.revision("Pod", NS) is None, timeout=60, what="the end of the count")
        scene.kube.refusals.clear()
        wait_until(lambda: (observer.revision("Pod", NS) or 0) > before, timeout=60, what="a new count")


def test_a_kind_that_may_not_be_watched_has_no_count(scene: Scene) -> None:
    """On somebody's cluster: the change then asks the API server each time."""
    original = scene.kube.list_with_version

    def refusing(kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        if kind == "Deployment":
            raise ForbiddenError("list", 403, "Forbidden", "not yours")
        return original(kind, namespace, labels=labels)

    scene.kube.list_with_version = refusing  # type: ignore[method-assign]
    with scene.observer() as observer:
        assert observer.revision("Deployment", NS) is None
        assert observer.revision("Pod", NS) is not None
