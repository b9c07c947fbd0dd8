"""Informers and clients work with the real API server of the local cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.localkube.api.server import serve_at
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.client import (
    COMPONENT_AGENT,
    AlreadyExists,
    ApiClient,
    ApiError,
    Conflict,
    Gone,
    NotFound,
)
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.resources import CONFIGMAPS, EVENTS, NEW_EVENTS, PODS, by_kind, by_plural


@asynccontextmanager
async def api(storage: Storage | None = None) -> AsyncIterator[ApiClient]:
    """Yield a client of a new API server."""
    async with (
        serve_at("127.0.0.1", Path("unused"), storage) as url,
        ApiClient(url, f"{COMPONENT_AGENT}test") as client,
    ):
        yield client


def config(name: str, **data: str) -> dict[str, Any]:
    """Build a ConfigMap."""
    return {"metadata": {"name": name}, "data": data}


def pod(name: str) -> dict[str, Any]:
    """Build a pod on a node, which therefore has a grace period."""
    return {"metadata": {"name": name}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i:1"}]}}


def test_informer_follows_changes_in_order() -> None:
    """Subscribers are called for existing objects and then for every change, with the object before and after."""

    async def scenario() -> list[tuple[str, str, str]]:
        heard: list[tuple[str, str, str]] = []
        gone = asyncio.Event()
        async with api() as client:
            await client.create(CONFIGMAPS, config("a", k="1"), "default")
            async with Informer(client, CONFIGMAPS) as informer:

                def callback(kind: str, old: Any, new: Any) -> None:
                    heard.append((kind, old["data"]["k"] if old else "", new["data"]["k"]))
                    if kind == "DELETED":
                        gone.set()

                informer.subscribe(callback)
                await client.patch(CONFIGMAPS, "a", "default", {"data": {"k": "2"}})
                await client.delete(CONFIGMAPS, "a", "default")
                async with asyncio.timeout(180):
                    await gone.wait()
                assert informer.items == {}
        return heard

    assert asyncio.run(scenario()) == [("ADDED", "", "1"), ("MODIFIED", "1", "2"), ("DELETED", "2", "2")]


def test_a_failing_subscriber_does_not_affect_others() -> None:
    """After an exception in one callback, the next one is still called."""

    async def scenario() -> list[str]:
        heard: list[str] = []
        async with api() as client, Informer(client, CONFIGMAPS) as informer:

            def bad(kind: str, old: Any, new: Any) -> None:
                raise ValueError(kind)

            added = asyncio.Event()

            def good(kind: str, old: Any, new: Any) -> None:
                heard.append(kind)
                added.set()

            informer.subscribe(bad)
            informer.subscribe(good)
            await client.create(CONFIGMAPS, config("a"), "default")
            async with asyncio.timeout(180):
                await added.wait()
        return heard

    assert asyncio.run(scenario()) == ["ADDED"]


def test_informer_lists_again_when_its_watch_expired() -> None:
    """After an expired watch, subscribers are called with the differences, including a missed deletion."""

    class Late(ApiClient):
        """A client that changes objects between an informer's list and its watch, more often than the history holds."""

        calls = 0

        async def watch(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
            self.calls += 1
            if self.calls == 1:
                await self.delete(CONFIGMAPS, "a", "default")
                for n in range(4):
                    await self.create(CONFIGMAPS, config(f"b{n}"), "default")
            async for event in super().watch(*args, **options):
                yield event

    async def scenario() -> list[tuple[str, str]]:
        heard: list[tuple[str, str]] = []
        storage = Storage(history=2)
        async with serve_at("127.0.0.1", Path("unused"), storage) as url, Late(url, "test") as client:
            await client.create(CONFIGMAPS, config("a"), "default")
            async with Informer(client, CONFIGMAPS) as informer, asyncio.timeout(180):
                complete = asyncio.Event()

                def callback(kind: str, old: Any, new: Any) -> None:
                    heard.append((kind, new["metadata"]["name"]))
                    if len(heard) == 6:
                        complete.set()

                informer.subscribe(callback)
                await complete.wait()
        return heard

    expected = [("ADDED", "a"), ("DELETED", "a"), *(("ADDED", f"b{n}") for n in range(4))]
    assert asyncio.run(scenario()) == expected


def test_api_errors_have_their_own_classes() -> None:
    """Each reason that controllers handle has its own exception class."""

    async def scenario() -> None:
        async with api() as client:
            with pytest.raises(NotFound):
                await client.get(CONFIGMAPS, "a", "default")
            first = await client.create(CONFIGMAPS, config("a"), "default")
            with pytest.raises(AlreadyExists):
                await client.create(CONFIGMAPS, config("a"), "default")
            await client.patch(CONFIGMAPS, "a", "default", {"data": {"k": "2"}})
            with pytest.raises(Conflict):
                await client.update(CONFIGMAPS, {**first, "data": {"k": "3"}})
            with pytest.raises(Conflict):
                await client.delete(CONFIGMAPS, "a", "default", uid="another")
            with pytest.raises(Gone):
                await anext(client.watch(CONFIGMAPS, "5"))
            with pytest.raises(ApiError) as caught:
                await client.create(PODS, {"metadata": {"name": "p"}, "spec": {}}, "default")
            assert (caught.value.status, caught.value.reason) == (422, "Invalid")

    asyncio.run(scenario())


def test_the_client_supports_selectors_and_grace_periods() -> None:
    """Lists accept selectors; a pod's deletion uses its grace period by default."""

    async def scenario() -> None:
        async with api() as client:
            for name in ("a", "b"):
                await client.create(PODS, pod(name), "default")
            found, _ = await client.list(PODS, fields="metadata.name=b")
            assert [(p["kind"], p["metadata"]["name"]) for p in found] == [("Pod", "b")]
            await client.delete(PODS, "a", "default")
            assert (await client.get(PODS, "a", "default"))["metadata"]["deletionGracePeriodSeconds"] == 30
            await client.delete(PODS, "a", "default", grace=0)
            with pytest.raises(NotFound):
                await client.get(PODS, "a", "default")

    asyncio.run(scenario())


def test_repeated_events_are_counted() -> None:
    """The same event about the same object increments the count of the first; both Event APIs return it."""

    async def scenario() -> None:
        async with api() as client:
            about = await client.create(PODS, pod("a"), "default")
            recorder = EventRecorder(client, "kubelet")
            for message in ("once", "again", "again"):
                await recorder.event(about, "Warning", "Unhealthy", message)
            core, _ = await client.list(EVENTS, "default", fields="involvedObject.name=a,type=Warning")
            new, _ = await client.list(NEW_EVENTS, "default")
        assert sorted((e["message"], e["count"]) for e in core) == [("again", 2), ("once", 1)]
        assert sorted((e["note"], e["regarding"]["name"]) for e in new) == [("again", "a"), ("once", "a")]
        assert all(e["eventTime"] for e in core)

    asyncio.run(scenario())


def test_an_event_that_cannot_be_written_is_ignored() -> None:
    """A recorder logs a rejected Event and continues."""

    async def scenario() -> None:
        async with api() as client:
            about = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "nowhere"}}
            await EventRecorder(client, "kubelet").event(about, "Normal", "Killing", "x")

    asyncio.run(scenario())


def test_resources_are_found_by_plural_and_by_kind() -> None:
    """A URL's plural and a manifest's kind name the same resource."""
    assert by_plural("deployments", "apps") is by_kind("Deployment", "apps/v1")
    assert by_plural("pods") is by_kind("Pod", "v1")
    with pytest.raises(KeyError):
        by_kind("Deployment", "v1")
