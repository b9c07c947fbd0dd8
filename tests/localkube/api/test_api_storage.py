"""The storage's versions and history, on which watches and optimistic concurrency depend."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.api.errors import StatusError
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.objects import Object, key_of, version_of
from harness.localkube.machinery.resources import CONFIGMAPS, EVENTS, NEW_EVENTS, PODS


def thing(name: str) -> Object:
    """Build an object."""
    return {"metadata": {"name": name, "namespace": "n"}}


def test_versions_start_from_the_time() -> None:
    """A storage that starts later has higher versions than an earlier one."""
    first = Storage()
    last = version_of(first.put(PODS, ("n", "a"), thing("a")))
    deadline = time.time_ns() + 1_000_000
    while time.time_ns() < deadline:
        pass

    assert Storage().version > last


def test_a_write_does_not_change_objects_read_before() -> None:
    """A reader's object is unchanged when a new version is stored."""
    storage = Storage()
    before = storage.put(PODS, ("n", "a"), thing("a"))
    version = before["metadata"]["resourceVersion"]
    storage.put(PODS, ("n", "a"), before)

    assert before["metadata"]["resourceVersion"] == version


def test_the_history_is_limited() -> None:
    """Reading changes from before the history is an error, never a gap."""
    storage = Storage(start=0, history=2)
    versions = [version_of(storage.put(PODS, ("n", str(n)), thing(str(n)))) for n in range(4)]

    assert [c.version for c in storage.since(PODS, versions[1])] == versions[2:]
    with pytest.raises(StatusError) as caught:
        storage.since(PODS, versions[0])
    assert caught.value.code == 410


def test_a_version_from_before_the_start_is_too_old() -> None:
    """A watcher with such a version must list again."""
    with pytest.raises(StatusError):
        Storage(start=1000).since(PODS, 900)


def test_each_resource_has_its_own_history() -> None:
    """Many writes of one resource do not expire the watches of another."""
    storage = Storage(start=0, history=2)
    version = version_of(storage.put(PODS, ("n", "a"), thing("a")))
    for n in range(9):
        storage.put(CONFIGMAPS, ("n", str(n)), thing(str(n)))

    assert storage.since(PODS, version) == ()


def test_both_event_apis_share_their_objects() -> None:
    """An object stored as a core Event is visible in events.k8s.io."""
    storage = Storage()
    storage.put(EVENTS, ("n", "a"), thing("a"))

    assert storage.get(NEW_EVENTS, ("n", "a")) is not None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())), st.integers(0, 20))
def test_replaying_the_history_gives_the_current_objects(writes: list[tuple[str, bool]], start: int) -> None:
    """The list at any version plus the later changes is the current list, so a watcher misses nothing."""
    storage = Storage(start=0)
    lists: list[tuple[int, dict[str, Object]]] = [(storage.version, {})]
    for name, remove in writes:
        if remove and storage.get(PODS, ("n", name)):
            storage.remove(PODS, ("n", name), thing(name))
        else:
            storage.put(PODS, ("n", name), thing(name))
        lists.append((storage.version, {key_of(o)[1]: o for o in storage.list(PODS)}))
    version, objects = lists[start % len(lists)]

    for change in storage.since(PODS, version):
        if change.kind == "DELETED":
            del objects[key_of(change.new)[1]]
        else:
            objects[key_of(change.new)[1]] = change.new

    assert objects == lists[-1][1]
