"""The cluster's process: all components run, or the cluster stops."""

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

Component = Callable[[ApiClient, NodeSettings], Awaitable[None]]


@asynccontextmanager
async def nothing_served(_settings: NodeSettings) -> AsyncIterator[str]:
    """Yield the URL of an API that is not served."""
    yield "http://127.0.0.1:9"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeSettings:
    """Return settings of a cluster whose API is not served."""
    monkeypatch.setattr(node, "serve", nothing_served)
    return NodeSettings(
        name="x", directory=tmp_path, block=AddressBlock(99), profile="instant", seed=0, ingress="none", nginx=None
    )


def run(settings: NodeSettings, **components: Component) -> int:
    """Return the exit code of the cluster."""
    return asyncio.run(node.run(settings, components))


async def steady(_client: ApiClient, _settings: NodeSettings) -> None:
    """Run until cancelled, as a component does."""
    await asyncio.Event().wait()


async def signals_end(_client: ApiClient, settings: NodeSettings) -> None:
    """Send SIGTERM to this process after the ready file has been written."""
    assert json.loads(settings.ready_file.read_text())["url"] == "http://127.0.0.1:9"
    os.kill(os.getpid(), signal.SIGTERM)
    await steady(_client, settings)


def test_sigterm_stops_the_cluster_in_order(settings: NodeSettings) -> None:
    """After SIGTERM every component is cancelled, and the exit code is 0."""
    ended: list[str] = []

    async def tidy(_client: ApiClient, _settings: NodeSettings) -> None:
        try:
            await steady(_client, _settings)
        finally:
            ended.append("tidy")

    assert run(settings, tidy=tidy, caller=signals_end) == 0
    assert ended == ["tidy"]


def test_a_failing_component_stops_the_cluster(settings: NodeSettings) -> None:
    """The other components are cancelled, and the exit code is 1."""

    async def broken(_client: ApiClient, _settings: NodeSettings) -> None:
        raise RuntimeError("no")

    assert run(settings, steady=steady, broken=broken) == 1


def test_a_component_that_returns_stops_the_cluster(settings: NodeSettings) -> None:
    """The exit code is 1, as after a failure."""

    async def short(_client: ApiClient, _settings: NodeSettings) -> None:
        return

    assert run(settings, steady=steady, short=short) == 1


def test_a_component_that_ignores_cancellation_is_abandoned(
    settings: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process does not wait beyond the limit, and the exit code is 1."""
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


def test_a_cluster_without_ingress_has_no_installer(settings: NodeSettings) -> None:
    """With ``none`` only controllers, kubelet and kube-proxy run."""
    assert list(node.components(settings)) == ["controllers", "kubelet", "kube-proxy"]
