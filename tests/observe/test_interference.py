"""What others do to the object is told from what the harness does, and from what the cluster does by itself."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kit.clock import Clock
from harness.kube.api import KubeApi, Object
from harness.kube.errors import ConflictError
from harness.model.timeline import EventKind
from harness.observe.event_time import Sighting
from harness.observe.interference import InterferenceTracker, TargetTracker, differences
from harness.testing.fake_api import FakeKube

NAMESPACE = "web"
CLOCK = Clock.start()


def apple(replicas: int = 1, **metadata: Any) -> Object:
    """A Deployment."""
    return {
        "kind": "Deployment",
        "metadata": {"name": "apple", **metadata},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas},
    }


class Watched:
    """An application that is watched, and the harness that changes it."""

    def __init__(self) -> None:
        self.interference = InterferenceTracker()
        self.kube = FakeKube()
        self.kube.put(apple(), NAMESPACE)
        self.signed: KubeApi = self.interference.signed(self.kube)
        self.tracker: TargetTracker = self.interference.tracker("Deployment", frozenset({"apple"}))
        list(self.tracker.listed([self.now()], self.sighting(listed=True)))

    def now(self) -> Object:
        """The object as it is."""
        return self.kube.get("Deployment", "apple", NAMESPACE)

    def sighting(self, *, listed: bool = False) -> Sighting:
        """A look at the cluster."""
        return Sighting(CLOCK, CLOCK.now(), CLOCK.monotonic_anchor_ns if listed else None)

    def seen(self) -> None:
        """The watch delivers the object as it is."""
        list(self.tracker.changed(self.now(), self.sighting()))

    def told(self) -> list[str]:
        """Fields that others have altered."""
        return [str(event.detail["fields"]) for event in self.interference.sorted_out()]


@pytest.fixture
def watched() -> Watched:
    """Nothing has happened yet."""
    return Watched()


def scaled(kube: KubeApi, replicas: int) -> Object:
    """Change the number of replicas."""
    return kube.patch("Deployment", "apple", NAMESPACE, {"spec": {"replicas": replicas}})


def test_what_was_there_is_no_change(watched: Watched) -> None:
    """The first look finds an object; nobody has altered it."""
    watched.seen()

    assert watched.told() == []


def test_ours_is_not_others(watched: Watched) -> None:
    """By the version that the API server answered."""
    scaled(watched.signed, 3)
    watched.seen()

    assert watched.told() == []


def test_others_are_told_with_the_field(watched: Watched) -> None:
    """Once; the same value again is no change."""
    scaled(watched.kube, 3)
    watched.seen()
    watched.seen()

    assert watched.told() == ["spec.replicas"]
    assert watched.told() == []


def test_others_after_us_are_told(watched: Watched) -> None:
    """An autoscaler that takes our change back a moment later."""
    scaled(watched.signed, 3)
    watched.seen()
    scaled(watched.kube, 1)
    watched.seen()

    assert watched.told() == ["spec.replicas"]


def test_nothing_is_sorted_while_ours_is_under_way(watched: Watched) -> None:
    """A watch may be faster than the answer to our own request: what it shows is ours, no one else's."""
    told: list[list[str]] = []

    def react(_kube: FakeKube) -> None:
        watched.seen()
        told.append(watched.told())

    watched.kube.reactions.append(react)
    scaled(watched.signed, 3)

    assert told == [[]]
    assert watched.told() == []


def test_a_refused_request_of_ours_excuses_nobody(watched: Watched) -> None:
    """What is seen while it was under way is another's."""
    watched.kube.refusals["patch"] = ConflictError("patch", 409, "Conflict", "no")
    with pytest.raises(ConflictError):
        scaled(watched.signed, 3)
    watched.kube.refusals.clear()
    scaled(watched.kube, 5)
    watched.seen()

    assert watched.told() == ["spec.replicas"]


def test_a_deleted_object_is_somebodys(watched: Watched) -> None:
    """And one that comes back under its name is another change."""
    list(watched.tracker.deleted(watched.now(), watched.sighting()))
    watched.seen()

    assert watched.told()[0] == "the whole object, which was deleted"


def test_one_that_a_list_lacks_was_deleted(watched: Watched) -> None:
    """While the watch was interrupted."""
    list(watched.tracker.listed([], watched.sighting(listed=True)))

    assert watched.told() == ["the whole object, which was deleted"]


def test_an_event_says_who_and_what(watched: Watched) -> None:
    """By the field managers on record."""
    managed = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
    watched.kube.put(apple(9, managedFields=managed), NAMESPACE)
    watched.seen()
    (event,) = watched.interference.sorted_out()

    assert (event.kind, event.subject, event.what) == (EventKind.TARGET, "apple", "altered")
    assert event.detail == {"object": "Deployment/apple", "fields": "spec.replicas", "who": "kubectl-edit"}


def test_objects_of_others_are_none_of_ours(watched: Watched) -> None:
    """Another Deployment of the namespace may change as it likes."""
    other = {**apple(7), "metadata": {"name": "pear"}}
    list(watched.tracker.changed(other, watched.sighting()))
    list(watched.tracker.deleted(other, watched.sighting()))

    assert watched.told() == []


@pytest.mark.parametrize(
    ("new", "fields"),
    [
        (apple(2), ("spec.replicas",)),
        (apple(1, labels={"a": "b"}), ("metadata.labels.a",)),
        (apple(1, annotations={"a/b": "c"}), ("metadata.annotations.a/b",)),
        (apple(1, annotations={"deployment.kubernetes.io/revision": "2"}), ()),
        (apple(1, resourceVersion="9", generation=4), ()),
        ({**apple(1), "status": {"replicas": 9}}, ()),
    ],
)
def test_only_what_users_write_counts(new: Object, fields: tuple[str, ...]) -> None:
    """Status, versions and the revision that the Deployment controller writes are the cluster's own."""
    assert differences(apple(1), new)[0] == fields
