"""The observer records what happens, records its own interruptions, and never fails silently."""

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
    """A store of events that can be made to fail."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failure: Exception | None = None

    def record(self, event: Event) -> None:
        """Store one event."""
        if self.failure:
            raise self.failure
        self.events.append(event)

    def has(self, what: str, subject: str = "") -> bool:
        """Return True if such an event was stored."""
        return any(e.what == what and subject in {"", e.subject} for e in list(self.events))

    def wait(self, what: str, subject: str = "") -> Event:
        """Wait for the first such event. Return it."""
        wait_until(lambda: self.has(what, subject), timeout=60, what=f"{what} of {subject}")
        return next(e for e in self.events if e.what == what and subject in {"", e.subject})


class Ingress:
    """An ingress controller that does what the test says."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._todo: list[Event] = []
        self._changed = threading.Condition()

    def does(self, what: str) -> None:
        """Add an event."""
        with self._changed:
            self._todo.append(Event(Clock.start().now(), EventKind.INGRESS, "controller", what))
            self._changed.notify()

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield the events."""
        while not stop():
            if self.failure:
                raise self.failure
            with self._changed:
                self._changed.wait_for(lambda: bool(self._todo), 0.02)
                todo, self._todo = self._todo, []
            yield from todo


class Surroundings:
    """The API server, ingress controller and timeline of an observer."""

    def __init__(self) -> None:
        self.kube = FakeKube()
        self.timeline = Timeline()
        self.ingress = Ingress()
        self.clock = Clock.start()

    def observer(self) -> Observer:
        """Return an observer that is not started."""
        return Observer(self.kube, self.ingress, NS, self.timeline, self.clock)

    def add(self, name: str, **fields: Any) -> None:
        """Put a ready pod."""
        self.kube.put(pod(name, {"app": "apple"}, "127.9.1.1", **fields), NS)

    def serve(self) -> None:
        """Put a Service for the pods, with its current endpoints."""
        self.kube.put({"kind": "Service", "metadata": {"name": "apple"}, "spec": {"selector": {"app": "apple"}}}, NS)
        self.kube.put(endpoint_slice("apple", self.kube.list("Pod", NS)), NS)


@pytest.fixture
def surroundings() -> Surroundings:
    """Return surroundings with an empty namespace."""
    return Surroundings()


def test_existing_objects_are_known_at_the_start(surroundings: Surroundings) -> None:
    """The first lists are complete before the context begins."""
    surroundings.add("old")

    with surroundings.observer():
        assert surroundings.timeline.has("ready", "old")


def test_changes_are_recorded(surroundings: Surroundings) -> None:
    """A pod's start and end, its endpoints and its kubelet's events are on the timeline."""
    with surroundings.observer():
        surroundings.add("new")
        surroundings.timeline.wait("ready", "new")
        surroundings.serve()
        surroundings.timeline.wait("changed", "apple")
        surroundings.kube.put(
            {
                "kind": "Event",
                "metadata": {"name": "new.1"},
                "involvedObject": {"kind": "Pod", "name": "new"},
                "reason": "FailedPreStopHook",
                "source": {"component": "kubelet"},
            },
            NS,
        )
        surroundings.timeline.wait("FailedPreStopHook", "new")
        surroundings.kube.remove("Pod", "new", NS)
        surroundings.timeline.wait("gone", "new")


def test_an_interrupted_watch_is_recorded_and_what_was_missed_is_found(surroundings: Surroundings) -> None:
    """A break is an event. Pods that appeared or vanished meanwhile are found by a list, with inexact times."""
    surroundings.add("old")
    with surroundings.observer() as observer:
        surroundings.kube.refusals["list"] = UnreachableError("list", 0, "no answer", "refused")
        surroundings.kube.break_watches()
        surroundings.timeline.wait("interrupted", "Pod")
        surroundings.kube.remove("Pod", "old", NS)
        surroundings.add("new")
        surroundings.kube.refusals.clear()
        gone = surroundings.timeline.wait("gone", "old")
        surroundings.timeline.wait("resumed", "Pod")
        observer.check()

    assert gone.exact_ns > 0
    assert surroundings.timeline.has("ready", "new")
    assert len([e for e in surroundings.timeline.events if e.what == "interrupted" and e.subject == "Pod"]) == 1


def test_expired_history_is_an_interruption(surroundings: Surroundings) -> None:
    """410 means that events were missed. It is recorded, and a list follows."""
    with surroundings.observer():
        surroundings.kube.forget_history()
        surroundings.timeline.wait("interrupted", "Pod")
        surroundings.add("new")
        surroundings.timeline.wait("ready", "new")


class EndingWatches(FakeKube):
    """An API server that ends every watch normally after its first event."""

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield at most one event."""
        for event in super().watch(kind, namespace, since=since, stop=stop):
            yield event
            return


def test_a_watch_that_ends_normally_is_resumed(surroundings: Surroundings) -> None:
    """No interruption is recorded, no list follows, and no event is missed or repeated."""
    surroundings.kube = EndingWatches()
    with surroundings.observer():
        for name in ("a", "b", "c"):
            surroundings.add(name)
        surroundings.timeline.wait("ready", "c")

    assert not surroundings.timeline.has("interrupted")
    assert [e.subject for e in surroundings.timeline.events if e.what == "created"] == ["a", "b", "c"]


def test_a_watcher_that_can_not_begin_is_an_error(surroundings: Surroundings) -> None:
    """Without the right to list, nothing can be observed. No thread is left."""
    surroundings.kube.refusals["list"] = ForbiddenError("list Pod", 403, "Forbidden", "no")

    with pytest.raises(ObservationError), surroundings.observer():
        pytest.fail("it must not begin")


def test_a_bug_in_a_watcher_does_not_vanish(surroundings: Surroundings) -> None:
    """It is on the timeline, and both check() and the end of the context raise it."""

    def trial() -> None:
        with surroundings.observer() as observer:
            surroundings.kube.put({"kind": "Service", "metadata": {"name": "broken"}, "spec": "nonsense"}, NS)
            assert surroundings.timeline.wait("failed", "Service").kind is EventKind.WATCH
            assert failed(observer)

    with pytest.raises(ObservationError):
        trial()


def test_a_timeline_that_can_not_be_written_fails_the_trial(surroundings: Surroundings) -> None:
    """A full disk is reported, although it can't be recorded."""

    def trial() -> None:
        with surroundings.observer() as observer:
            surroundings.timeline.failure = HarnessError("No room on disk.")
            surroundings.add("new")
            wait_until(lambda: failed(observer), timeout=60, what="the failure")

    with pytest.raises(ObservationError) as caught:
        trial()
    assert "No room on disk" in str(caught.value)


def failed(observer: Observer) -> bool:
    """Return True if a check raises."""
    try:
        observer.check()
    except ObservationError:
        return True
    return False


def test_a_failing_ingress_log_fails_the_trial(surroundings: Surroundings) -> None:
    """The source of the ingress controller's events is checked like the watchers."""

    def trial() -> None:
        with surroundings.observer():
            surroundings.ingress.failure = ValueError("not a log line")
            surroundings.timeline.wait("failed", "ingress")

    with pytest.raises(ObservationError) as caught:
        trial()
    assert "not a log line" in str(caught.value)


def test_an_error_on_its_way_is_not_hidden_by_a_watcher(surroundings: Surroundings) -> None:
    """The trial's own error has precedence."""

    def trial() -> None:
        with surroundings.observer():
            surroundings.ingress.failure = ValueError("not a log line")
            surroundings.timeline.wait("failed", "ingress")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trial()


def test_an_event_of_the_ingress_counts_up_to_its_time(surroundings: Surroundings) -> None:
    """It counts for every earlier moment, and for no other name."""
    with surroundings.observer() as observer:
        before = surroundings.clock.now()
        assert not observer.ingress_seen("reload", before)
        surroundings.ingress.does("reload")
        surroundings.timeline.wait("reload")

        assert observer.ingress_seen("reload", before)
        assert not observer.ingress_seen("endpoints", before)
        assert not observer.ingress_seen("reload", surroundings.clock.now())


def test_it_is_quiet_when_the_ingress_has_followed_the_endpoints(surroundings: Surroundings) -> None:
    """It is not quiet between the change of endpoints and the ingress controller's event."""
    surroundings.add("a")
    with surroundings.observer() as observer:
        since = surroundings.clock.now()
        surroundings.serve()
        surroundings.timeline.wait("changed", "apple")
        assert not observer.quiet(since)

        surroundings.ingress.does("endpoints")
        wait_until(lambda: observer.quiet(since), timeout=60, what="rest")


def test_leaving_is_prompt(surroundings: Surroundings) -> None:
    """All threads have ended when the context has."""
    with surroundings.observer():
        names = {thread.name for thread in threading.enumerate()}
    after = {thread.name for thread in threading.enumerate()}

    expected = {"observe Pod", "observe EndpointSlice", "observe Service", "observe Event", "observe ingress"}
    assert expected <= names
    assert not expected & after


def test_the_first_list_is_dated_from_the_trials_begin(surroundings: Surroundings) -> None:
    """Its changes happened since the trial began, not since the machine was started."""
    surroundings.add("old")
    surroundings.serve()
    with surroundings.observer():
        changed = surroundings.timeline.wait("changed", "apple")

    earliest = changed.at - changed.exact_ns
    begin = surroundings.clock.monotonic_anchor_ns
    assert begin - 10**9 <= earliest <= begin  # objects are dated in whole seconds


def test_an_object_that_is_older_than_the_trial_is_not_dated_into_it(surroundings: Surroundings) -> None:
    """An older application may have been in its state since its objects were created."""
    surroundings.add("old")
    surroundings.serve()
    (made,) = surroundings.kube.list("EndpointSlice", NS)
    day_before = surroundings.clock.isoformat(surroundings.clock.now() - 86_400 * 10**9)
    surroundings.kube.put({**made, "metadata": {**made["metadata"], "creationTimestamp": day_before}}, NS)
    with surroundings.observer():
        changed = surroundings.timeline.wait("changed", "apple")

    assert changed.exact_ns >= 86_400 * 10**9


class NoNodes(FakeKube):
    """An API server that does not permit reading nodes."""

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """List everything except nodes."""
        if kind == "Node":
            raise ForbiddenError("list Node", 403, "Forbidden", "not for you")
        return super().list_with_version(kind, namespace, labels=labels)


def test_nodes_are_optional(surroundings: Surroundings) -> None:
    """The missing right is recorded, and everything else works."""
    surroundings.kube = NoNodes()
    with surroundings.observer() as observer:
        surroundings.timeline.wait("not-permitted", "Node")
        surroundings.add("new")
        surroundings.timeline.wait("ready", "new")
        observer.check()


def test_a_node_under_pressure_is_recorded(surroundings: Surroundings) -> None:
    """Its condition is on the timeline while it lasts."""
    with surroundings.observer():
        status = {"conditions": [{"type": "MemoryPressure", "status": "True"}]}
        surroundings.kube.put({"kind": "Node", "metadata": {"name": "n1"}, "status": status}, "")
        assert surroundings.timeline.wait("unwell", "n1").detail["condition"] == "MemoryPressure"


def test_changes_of_watched_kinds_are_counted(surroundings: Surroundings) -> None:
    """Each change of a kind counts, a Deployment's without an event of its own; others have no count."""
    surroundings.add("old")
    with surroundings.observer() as observer:
        before = {kind: observer.revision(kind, NS) for kind in ("Pod", "EndpointSlice", "Deployment")}
        assert None not in before.values()
        assert observer.revision("Ingress", NS) is None
        assert observer.revision("Pod", "elsewhere") is None
        surroundings.kube.put({"kind": "Deployment", "metadata": {"name": "apple"}, "spec": {}}, NS)
        wait_until(lambda: observer.revision("Deployment", NS) != before["Deployment"], timeout=60, what="a count")
        assert observer.revision("Pod", NS) == before["Pod"]
        assert "Deployment" not in {event.subject for event in surroundings.timeline.events}


def test_a_kind_whose_watch_is_broken_has_no_count(surroundings: Surroundings) -> None:
    """While a watch is broken nobody would report a change, so nothing may be taken for unchanged."""
    with surroundings.observer() as observer:
        before = observer.revision("Pod", NS)
        assert before is not None
        surroundings.kube.refusals["list"] = UnreachableError("list", 0, "no answer", "down")
        surroundings.kube.break_watches()
        wait_until(lambda: observer.revision("Pod", NS) is None, timeout=60, what="the end of the count")
        surroundings.kube.refusals.clear()
        wait_until(lambda: (observer.revision("Pod", NS) or 0) > before, timeout=60, what="a new count")


def test_a_kind_that_may_not_be_watched_has_no_count(surroundings: Surroundings) -> None:
    """On a user's cluster the change then asks the API server each time."""
    original = surroundings.kube.list_with_version

    def refusing(kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        if kind == "Deployment":
            raise ForbiddenError("list", 403, "Forbidden", "not yours")
        return original(kind, namespace, labels=labels)

    surroundings.kube.list_with_version = refusing  # type: ignore[method-assign]
    with surroundings.observer() as observer:
        assert observer.revision("Deployment", NS) is None
        assert observer.revision("Pod", NS) is not None
