"""Changes by others are distinguished from those by the harness and by the cluster itself."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kit.clock import Clock
from harness.kube.api import KubeApi, Object
from harness.kube.errors import ConflictError
from harness.model.timeline import EventKind
from harness.observe.event_time import Observation
from harness.observe.interference import InterferenceDetector, TargetTracker, differences
from harness.testing.fake_api import FakeKube

NAMESPACE = "web"
CLOCK = Clock.start()


def apple(replicas: int = 1, **metadata: Any) -> Object:
    """Return a Deployment."""
    return {
        "kind": "Deployment",
        "metadata": {"name": "apple", **metadata},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas},
    }


class Watched:
    """An observed application that the harness changes."""

    def __init__(self) -> None:
        self.interference = InterferenceDetector()
        self.kube = FakeKube()
        self.kube.put(apple(), NAMESPACE)
        self.signed: KubeApi = self.interference.own_api(self.kube)
        self.tracker: TargetTracker = self.interference.tracker("Deployment", frozenset({"apple"}))
        list(self.tracker.listed([self.now()], self.observation(listed=True)))

    def now(self) -> Object:
        """Return the current object."""
        return self.kube.get("Deployment", "apple", NAMESPACE)

    def observation(self, *, listed: bool = False) -> Observation:
        """Return an observation of the cluster."""
        return Observation(CLOCK, CLOCK.now(), CLOCK.monotonic_anchor_ns if listed else None)

    def seen(self) -> None:
        """Deliver the current object by the watch."""
        list(self.tracker.changed(self.now(), self.observation()))

    def foreign(self) -> list[str]:
        """Return the fields that others have changed."""
        return [str(event.detail["fields"]) for event in self.interference.take_foreign()]


@pytest.fixture
def watched() -> Watched:
    """Return an application without changes."""
    return Watched()


def scaled(kube: KubeApi, replicas: int) -> Object:
    """Change the number of replicas."""
    return kube.patch("Deployment", "apple", NAMESPACE, {"spec": {"replicas": replicas}})


def test_an_existing_object_is_no_change(watched: Watched) -> None:
    """The first observation finds an object that nobody has changed."""
    watched.seen()

    assert watched.foreign() == []


def test_a_patch_by_the_harness_is_no_change_by_others(watched: Watched) -> None:
    """An own change is recognised by the version in the API server's answer."""
    scaled(watched.signed, 3)
    watched.seen()

    assert watched.foreign() == []


def test_foreign_changes_have_their_field(watched: Watched) -> None:
    """Each is reported once, and the same value again is no change."""
    scaled(watched.kube, 3)
    watched.seen()
    watched.seen()

    assert watched.foreign() == ["spec.replicas"]
    assert watched.foreign() == []


def test_foreign_changes_after_ours_are_found(watched: Watched) -> None:
    """An autoscaler may revert our change a moment later."""
    scaled(watched.signed, 3)
    watched.seen()
    scaled(watched.kube, 1)
    watched.seen()

    assert watched.foreign() == ["spec.replicas"]


def test_nothing_is_classified_during_our_patch(watched: Watched) -> None:
    """A watch may deliver our own change before the API server answers our request."""
    foreign: list[list[str]] = []

    def react(_kube: FakeKube) -> None:
        watched.seen()
        foreign.append(watched.foreign())

    watched.kube.reactions.append(react)
    scaled(watched.signed, 3)

    assert foreign == [[]]
    assert watched.foreign() == []


def test_a_refused_request_of_ours_excuses_nobody(watched: Watched) -> None:
    """A change that is observed during it is foreign."""
    watched.kube.refusals["patch"] = ConflictError("patch", 409, "Conflict", "no")
    with pytest.raises(ConflictError):
        scaled(watched.signed, 3)
    watched.kube.refusals.clear()
    scaled(watched.kube, 5)
    watched.seen()

    assert watched.foreign() == ["spec.replicas"]


def test_a_deletion_is_a_foreign_change(watched: Watched) -> None:
    """A new object with the same name is another change."""
    list(watched.tracker.deleted(watched.now(), watched.observation()))
    watched.seen()

    assert watched.foreign()[0] == "the whole object, which was deleted"


def test_an_object_that_a_list_lacks_was_deleted(watched: Watched) -> None:
    """It was deleted while the watch was interrupted."""
    list(watched.tracker.listed([], watched.observation(listed=True)))

    assert watched.foreign() == ["the whole object, which was deleted"]


def test_an_event_says_who_and_what(watched: Watched) -> None:
    """The field managers are named."""
    managed = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
    watched.kube.put(apple(9, managedFields=managed), NAMESPACE)
    watched.seen()
    (event,) = watched.interference.take_foreign()

    assert (event.kind, event.subject, event.what) == (EventKind.TARGET, "apple", "altered")
    assert event.detail == {"object": "Deployment/apple", "fields": "spec.replicas", "who": "kubectl-edit"}


def test_a_manager_that_only_lost_fields_is_not_named(watched: Watched) -> None:
    """A server takes a field that another client changes from its former manager, who has written nothing."""
    former = {"manager": "harness", "operation": "Update", "time": "t", "fieldsV1": {"f:a": {}, "f:b": {}}}
    watched.kube.put(apple(1, managedFields=[former]), NAMESPACE)
    watched.seen()
    left = {**former, "fieldsV1": {"f:a": {}}}
    gained = {"manager": "kubectl-edit", "operation": "Update", "time": "u", "fieldsV1": {"f:b": {}}}
    watched.kube.put(apple(9, managedFields=[left, gained]), NAMESPACE)
    watched.seen()
    *_, event = watched.interference.take_foreign()

    assert event.detail["who"] == "kubectl-edit"


def test_other_objects_are_ignored(watched: Watched) -> None:
    """Another Deployment of the namespace may change."""
    other = {**apple(7), "metadata": {"name": "pear"}}
    list(watched.tracker.changed(other, watched.observation()))
    list(watched.tracker.deleted(other, watched.observation()))

    assert watched.foreign() == []


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
    """Status, versions and the Deployment controller's revision do not count."""
    assert differences(apple(1), new)[0] == fields
