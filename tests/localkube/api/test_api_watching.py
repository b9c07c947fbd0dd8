"""The events of a watch."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from harness.localkube.api.errors import StatusError
from harness.localkube.api.storage import Storage
from harness.localkube.api.watch_stream import Selection, WatchOptions, watch
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import PODS


def thing(name: str, app: str = "x", ns: str = "n") -> Object:
    """Build a pod."""
    return {"metadata": {"name": name, "namespace": ns, "labels": {"app": app}}}


def put(storage: Storage, obj: Object) -> Object:
    """Store an object under its name."""
    return storage.put(PODS, (obj["metadata"]["namespace"], obj["metadata"]["name"]), obj)


async def take(storage: Storage, count: int, *, namespace: str | None = None, **query: Any) -> list[tuple[str, Object]]:
    """Return the first events of a watch."""
    texts = {name: str(value) for name, value in query.items()}
    events = watch(storage, PODS, Selection.parse(namespace, "", texts), WatchOptions.parse(texts))
    found = []
    async with aclosing(events), asyncio.timeout(180):
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


def summary(events: list[tuple[str, Object]]) -> list[tuple[str, str]]:
    """Return types and names of events."""
    return [(kind, obj["metadata"]["name"]) for kind, obj in events]


def test_a_watch_with_a_selector_reports_matches() -> None:
    """An object that begins to match is ADDED; one that stops matching is DELETED, in its last matching state."""
    storage = Storage(start=0)
    first = put(storage, thing("z"))["metadata"]["resourceVersion"]
    put(storage, thing("a", "x"))
    put(storage, thing("a", "y"))
    put(storage, thing("a", "x"))
    put(storage, thing("b", "y"))
    storage.remove(PODS, ("n", "a"), thing("a", "x"))

    events = asyncio.run(take(storage, 4, resourceVersion=first, labelSelector="app=x"))

    assert summary(events) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a"), ("DELETED", "a")]
    assert events[1][1]["metadata"]["labels"] == {"app": "x"}
    assert [obj["metadata"]["resourceVersion"] for _, obj in events] == ["2", "3", "4", "6"]


def test_a_watch_without_a_version_starts_with_all_objects() -> None:
    """All objects are ADDED first, then changes follow."""

    async def scenario() -> list[tuple[str, str]]:
        storage = Storage(start=0)
        put(storage, thing("a"))
        task = asyncio.create_task(take(storage, 2))
        await asyncio.sleep(0)
        put(storage, thing("b"))
        return summary(await task)

    assert asyncio.run(scenario()) == [("ADDED", "a"), ("ADDED", "b")]


def test_the_end_of_initial_events_is_marked() -> None:
    """With sendInitialEvents, a bookmark with the annotation that clients expect ends the initial events."""
    storage = Storage(start=0)
    put(storage, thing("a"))

    events = asyncio.run(take(storage, 2, sendInitialEvents="true", allowWatchBookmarks="true"))

    assert [kind for kind, _ in events] == ["ADDED", "BOOKMARK"]
    assert events[1][1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_ends_with_a_bookmark() -> None:
    """A watch ends at its timeout; the bookmark before contains the version to continue from."""
    storage = Storage(start=7)

    events = asyncio.run(take(storage, 9, resourceVersion=7, timeoutSeconds="0.05", allowWatchBookmarks="true"))

    assert [(kind, obj["metadata"]["resourceVersion"]) for kind, obj in events] == [("BOOKMARK", "7")]


def test_an_expired_version_is_one_error_event() -> None:
    """It is an ERROR event with Status 410, and the watch ends."""
    events = asyncio.run(take(Storage(start=1000), 9, resourceVersion="5"))

    assert [(kind, obj["code"], obj["reason"]) for kind, obj in events] == [("ERROR", 410, "Expired")]


def test_a_watch_of_a_namespace_omits_others() -> None:
    """A watch of one namespace reports nothing of another."""
    storage = Storage(start=0)
    put(storage, thing("a", ns="n"))
    put(storage, thing("b", ns="m"))

    assert summary(asyncio.run(take(storage, 1, namespace="m"))) == [("ADDED", "b")]


def test_a_closed_watch_removes_its_queue() -> None:
    """No more changes are queued for a closed watch."""
    storage = Storage(start=0)
    put(storage, thing("a"))
    asyncio.run(take(storage, 1))

    assert storage._store(PODS).watchers == set()


@pytest.mark.parametrize("query", [{"resourceVersion": "x"}, {"timeoutSeconds": "soon"}])
def test_invalid_watch_options_are_errors(query: dict[str, str]) -> None:
    """Options that cannot be parsed are errors."""
    with pytest.raises(StatusError) as caught:
        WatchOptions.parse(query)
    assert caught.value.code == 400


def test_an_invalid_selector_is_an_error() -> None:
    """An invalid selector is an error and does not select everything."""
    with pytest.raises(StatusError) as caught:
        Selection.parse(None, "", {"labelSelector": "a b"})
    assert caught.value.code == 400
