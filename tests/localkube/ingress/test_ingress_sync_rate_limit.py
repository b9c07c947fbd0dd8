"""The rate limit of syncs, on a fake clock, and the changes that trigger a sync."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from harness.localkube.ingress.rate_limit import LimitOnceStarted, SyncQueue, TokenBucket
from harness.localkube.ingress.sync_triggers import intent_of, on_class, on_service, on_slice


class Time:
    """A fake clock that advances when a caller sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def read(self) -> float:
        """Return the current time in seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds


def test_the_first_sync_is_immediate_and_the_next_waits() -> None:
    """At 0.3/s with burst 1, the second sync is 3.33 s after the first, and the third another 3.33 s later."""
    time = Time()
    bucket = TokenBucket(0.3, 1, clock=time.read, sleep=time.sleep)

    async def scenario() -> list[float]:
        taken = []
        for _ in range(3):
            await bucket.take()
            taken.append(time.now - 100)
        return taken

    assert asyncio.run(scenario()) == pytest.approx([0, 1 / 0.3, 2 / 0.3])


def test_the_bucket_fills_up_to_its_capacity() -> None:
    """After a long pause there is one token, not many; after part of the period, the rest must be waited for."""
    time = Time()
    bucket = TokenBucket(0.3, 1, clock=time.read, sleep=time.sleep)

    async def scenario() -> list[float]:
        await bucket.take()
        time.now = 200
        await bucket.take()
        at_once = time.now
        time.now += 2
        await bucket.take()
        return [at_once, time.now]

    assert asyncio.run(scenario()) == pytest.approx([200, 200 + 1 / 0.3])


def test_a_burst_takes_tokens_without_a_wait() -> None:
    """With a burst of ten, ten tokens are available at once."""
    time = Time()
    bucket = TokenBucket(1, 10, clock=time.read, sleep=time.sleep)

    async def scenario() -> None:
        for _ in range(10):
            await bucket.take()

    asyncio.run(scenario())
    assert time.now == 100


def test_syncs_while_the_applications_start_take_no_token(tmp_path: Path) -> None:
    """When they have started the bucket is full, and the limit counts from then on, even if the file came back."""
    time, starting = Time(), tmp_path / "starting"
    starting.touch()
    limit = LimitOnceStarted(TokenBucket(0.3, 1, clock=time.read, sleep=time.sleep), starting)

    async def scenario() -> list[float]:
        taken = []
        for number in range(5):
            if number == 2:
                starting.unlink()
            if number == 4:
                starting.touch()
            await limit.take()
            taken.append(time.now - 100)
        return taken

    assert asyncio.run(scenario()) == pytest.approx([0, 0, 0, 1 / 0.3, 2 / 0.3])


def test_without_the_file_of_a_start_the_limit_counts_at_once(tmp_path: Path) -> None:
    """A trial has no such file, so its second sync waits."""
    time = Time()
    limit = LimitOnceStarted(TokenBucket(0.3, 1, clock=time.read, sleep=time.sleep), tmp_path / "starting")

    async def scenario() -> None:
        await limit.take()
        await limit.take()

    asyncio.run(scenario())
    assert time.now - 100 == pytest.approx(1 / 0.3)


def counted(callback_of: Any, *events: tuple[str, Any, Any]) -> int:
    """Return the number of these events that trigger a sync."""
    calls: list[int] = []
    callback = callback_of(lambda: calls.append(1))
    for kind, old, new in events:
        callback(kind, old, new)
    return len(calls)


def slice_of(*ready: bool, version: str = "1") -> dict[str, Any]:
    """Build a slice whose pods are ready or not."""
    return {
        "metadata": {"name": "s", "resourceVersion": version},
        "endpoints": [{"addresses": [f"127.1.1.{n}"], "conditions": {"ready": r}} for n, r in enumerate(ready)],
    }


def test_any_change_of_endpoints_triggers_a_sync() -> None:
    """A pod that is not ready yet takes a token too; a slice with the same endpoints does not."""
    assert counted(on_slice, ("ADDED", None, slice_of())) == 1
    assert counted(on_slice, ("MODIFIED", slice_of(True), slice_of(True, False))) == 1
    assert counted(on_slice, ("MODIFIED", slice_of(True), slice_of(True, version="2"))) == 0
    assert counted(on_slice, ("DELETED", slice_of(), slice_of())) == 1


def test_a_changed_service_triggers_a_sync() -> None:
    """A changed Service takes a token before its endpoints do; a new one only if its slices came first."""
    old = {"metadata": {"name": "s"}, "spec": {"selector": {"version": "v1"}}}
    new = {"metadata": {"name": "s"}, "spec": {"selector": {"version": "v2"}}}

    def quiet(dirty: Any) -> Any:
        return on_service(dirty, lambda _: False)

    def late(dirty: Any) -> Any:
        return on_service(dirty, lambda _: True)

    assert counted(quiet, ("MODIFIED", old, new)) == 1
    assert counted(quiet, ("MODIFIED", old, old | {"status": {}})) == 0
    assert counted(quiet, ("ADDED", None, new), ("DELETED", new, new)) == 0
    assert counted(late, ("ADDED", None, new)) == 1


def test_other_ingress_classes_trigger_a_sync() -> None:
    """A new class may assign Ingresses to this controller."""
    assert counted(on_class, ("ADDED", None, {"metadata": {"name": "nginx"}})) == 0
    assert counted(on_class, ("ADDED", None, {"metadata": {"name": "mine"}})) == 1


def test_spec_annotations_and_labels_of_an_ingress_trigger_a_sync() -> None:
    """Status and resourceVersion do not. A real controller was seen to sync, without a reload, for a new label."""
    base = {"metadata": {"name": "i", "annotations": {"a": "1"}, "resourceVersion": "1"}, "spec": {"rules": []}}
    status = base | {"status": {"loadBalancer": {}}}
    edited = base | {"metadata": {"name": "i", "annotations": {"a": "2"}}}
    labelled = base | {"metadata": {"name": "i", "annotations": {"a": "1"}, "labels": {"a": "b"}}}

    assert intent_of(base) == intent_of(status)
    assert intent_of(base) != intent_of(labelled)
    assert intent_of(base) != intent_of(edited)


class Gate:
    """A rate limit that the test opens."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self._open = asyncio.Event()

    async def take(self) -> None:
        """Wait for ``open``."""
        self.waiting.set()
        await self._open.wait()
        self._open.clear()
        self.waiting.clear()

    def open(self) -> None:
        """Let one caller continue."""
        self._open.set()


def test_a_sync_reads_after_its_token_and_later_events_cause_one_more() -> None:
    """Ten events during the wait are part of this sync, and cause exactly one more sync with its own token."""

    async def scenario() -> tuple[list[str], bool]:
        endpoints, gate, seen, done = "old", Gate(), list[str](), asyncio.Semaphore(0)

        async def sync() -> None:
            seen.append(endpoints)
            done.release()

        queue = SyncQueue(gate, sync)
        running = asyncio.create_task(queue.run())
        queue.add()
        await gate.waiting.wait()
        for _ in range(10):
            queue.add()
        endpoints = "new"
        gate.open()
        await done.acquire()
        await gate.waiting.wait()
        gate.open()
        await done.acquire()
        # In two iterations of the event loop, the queue could request a third token.
        for _ in range(2):
            await asyncio.sleep(0)
        third_is_due = gate.waiting.is_set()
        running.cancel()
        return seen, third_is_due

    assert asyncio.run(scenario()) == (["new", "new"], False)


def test_a_forgotten_request_takes_no_token() -> None:
    """A request that is dropped requests no token."""

    async def scenario() -> bool:
        gate = Gate()
        queue = SyncQueue(gate, Gate().take)
        running = asyncio.create_task(queue.run())
        queue.add()
        queue.forget()
        for _ in range(3):
            await asyncio.sleep(0)
        running.cancel()
        return gate.waiting.is_set()

    assert asyncio.run(scenario()) is False
