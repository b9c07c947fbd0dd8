"""The cluster's process: parts that run together or not at all."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.localkube import node
from harness.localkube.addresses import AddressBlock
from harness.localkube.machinery.client import ApiClient
from harness.localkube.settings import NodeSettings

Part = Callable[[ApiClient, NodeSettings], Awaitable[None]]


@asynccontextmanager
async def nothing_served(_settings: NodeSettings) -> AsyncIterator[str]:
    """An API that nobody asks."""
    yield "http://127.0.0.1:9"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeSettings:
    """Settings of a cluster whose API is not served."""
    monkeypatch.setattr(node, "serve", nothing_served)
    return NodeSettings(
        name="x", directory=tmp_path, block=AddressBlock(99), profile="instant", seed=0, ingress="none", nginx=None
    )


def run(settings: NodeSettings, **which: Part) -> int:
    """The code with which the cluster ends."""
    return asyncio.run(node.run(settings, which))


async def steady(_client: ApiClient, _settings: NodeSettings) -> None:
    """A part that does its work until it is cancelled."""
    await asyncio.Event().wait()


async def signals_end(_client: ApiClient, settings: NodeSettings) -> None:
    """A part that asks its own process to end, once it has told that it is ready."""
    assert json.loads(settings.ready_file.read_text())["url"] == "http://127.0.0.1:9"
    os.kill(os.getpid(), signal.SIGTERM)
    await steady(_client, settings)


def test_sigterm_is_an_orderly_end(settings: NodeSettings) -> None:
    """After SIGTERM every part is cancelled, and the code is 0."""
    ended: list[str] = []

    async def tidy(_client: ApiClient, _settings: NodeSettings) -> None:
        try:
            await steady(_client, _settings)
        finally:
            ended.append("tidy")

    assert run(settings, tidy=tidy, caller=signals_end) == 0
    assert ended == ["tidy"]


def test_part_that_raises_takes_the_cluster_down(settings: NodeSettings) -> None:
    """A part that fails is never missed: the others are cancelled and the code is 1."""

    async def broken(_client: ApiClient, _settings: NodeSettings) -> None:
        raise RuntimeError("no")

    assert run(settings, steady=steady, broken=broken) == 1


def test_part_that_ends_takes_the_cluster_down(settings: NodeSettings) -> None:
    """A part that just returns is as bad as one that fails."""

    async def short(_client: ApiClient, _settings: NodeSettings) -> None:
        return

    assert run(settings, steady=steady, short=short) == 1


def test_part_that_does_not_stop_is_not_waited_for(settings: NodeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that clings to life past the limit makes the code 1 and delays nobody."""
    monkeypatch.setattr(node, "STOP_SECONDS", 0.05)
    release = asyncio.Event()

    async def clinging(_client: ApiClient, _settings: NodeSettings) -> None:
        try:
            await steady(_client, _settings)
        except asyncio.CancelledError:
            await release.wait()

    async def whole() -> int:
        code = await node.run(settings, {"clinging": clinging, "caller": signals_end})
        release.set()
        return code

    assert asyncio.run(whole()) == 1


def test_cluster_without_ingress_has_no_such_part(settings: NodeSettings) -> None:
    """``none`` leaves the ingress out; controllers and kubelet are always there."""
    assert list(node.components(settings)) == ["controllers", "kubelet", "kube-proxy"]
