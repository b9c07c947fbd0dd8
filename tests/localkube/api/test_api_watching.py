"""What one watch gets to see of the changes."""

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
    """A pod."""
    return {"metadata": {"name": name, "namespace": ns, "labels": {"app": app}}}


def put(storage: Storage, obj: Object) -> Object:
    """Store it under its name."""
    return storage.put(PODS, (obj["metadata"]["namespace"], obj["metadata"]["name"]), obj)


async def take(storage: Storage, count: int, *, namespace: str | None = None, **query: Any) -> list[tuple[str, Object]]:
    """The first events of a watch."""
    texts = {name: str(value) for name, value in query.items()}
    events = watch(storage, PODS, Selection.parse(namespace, "", texts), WatchOptions.parse(texts))
    found = []
    async with aclosing(events), asyncio.timeout(60):
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


def summary(events: list[tuple[str, Object]]) -> list[tuple[str, str]]:
    """Types and names."""
    return [(kind, obj["metadata"]["name"]) for kind, obj in events]


def test_a_selector_has_its_own_view() -> None:
    """What begins to match is ADDED; what stops matching is DELETED, with the object as it last matched."""
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


def test_no_version_begins_with_what_is_there() -> None:
    """Without a version a watch begins with all objects as ADDED, and goes on with changes."""

    async def scenario() -> list[tuple[str, str]]:
        storage = Storage(start=0)
        put(storage, thing("a"))
        task = asyncio.create_task(take(storage, 2))
        await asyncio.sleep(0)
        put(storage, thing("b"))
        return summary(await task)

    assert asyncio.run(scenario()) == [("ADDED", "a"), ("ADDED", "b")]


def test_the_end_of_initial_events_is_marked() -> None:
    """A watch with sendInitialEvents ends them by a bookmark with the annotation that clients wait for."""
    storage = Storage(start=0)
    put(storage, thing("a"))

    events = asyncio.run(take(storage, 2, sendInitialEvents="true", allowWatchBookmarks="true"))

    assert [kind for kind, _ in events] == ["ADDED", "BOOKMARK"]
    assert events[1][1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_ends_with_a_bookmark() -> None:
    """Its timeout ends a watch; the bookmark before says from where to go on."""
    storage = Storage(start=7)

    events = asyncio.run(take(storage, 9, resourceVersion=7, timeoutSeconds="0.05", allowWatchBookmarks="true"))

    assert [(kind, obj["metadata"]["resourceVersion"]) for kind, obj in events] == [("BOOKMARK", "7")]


def test_too_old_is_one_error_event() -> None:
    """An expired version is an ERROR event with Status 410, and the end."""
    events = asyncio.run(take(Storage(start=1000), 9, resourceVersion="5"))

    assert [(kind, obj["code"], obj["reason"]) for kind, obj in events] == [("ERROR", 410, "Expired")]


def test_a_namespace_is_a_selection() -> None:
    """A watch of one namespace sees nothing of another."""
    storage = Storage(start=0)
    put(storage, thing("a", ns="n"))
    put(storage, thing("b", ns="m"))

    assert summary(asyncio.run(take(storage, 1, namespace="m"))) == [("ADDED", "b")]


def test_a_closed_watch_leaves_no_queue() -> None:
    """Nothing is queued for a watcher that has gone."""
    storage = Storage(start=0)
    put(storage, thing("a"))
    asyncio.run(take(storage, 1))

    assert storage._store(PODS).watchers == set()


@pytest.mark.parametrize("query", [{"resourceVersion": "x"}, {"timeoutSeconds": "soon"}])
def test_bad_options(query: dict[str, str]) -> None:
    """Options that can't be read are refused."""
    with pytest.raises(StatusError) as caught:
        WatchOptions.parse(query)
    assert caught.value.code == 400


def test_bad_selector() -> None:
    """A selector that can't be read is refused, not taken for everything."""
    with pytest.raises(StatusError) as caught:
        Selection.parse(None, "", {"labelSelector": "a b"})
    assert caught.value.code == 400
