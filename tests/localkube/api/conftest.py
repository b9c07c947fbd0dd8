"""API servers for tests: a registry without HTTP, and a server that runs in a thread."""

from __future__ import annotations

import asyncio
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo
from harness.localkube.api.server import serve_at
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.resources import NAMESPACES

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def registry() -> Registry:
    """Return a registry with the namespace ``default``; its versions start at 100."""
    registry = Registry(Storage(start=100))
    registry.create(RequestInfo(NAMESPACES), {"metadata": {"name": "default"}})
    return registry


@pytest.fixture
def pod_logs(tmp_path: Path) -> Path:
    """Return the folder in which the server expects pods' logs."""
    path = tmp_path / "pods"
    path.mkdir()
    return path


@pytest.fixture
def server(pod_logs: Path) -> Iterator[str]:
    """Yield the URL of an API server that runs in another thread until the test ends."""
    urls: queue.Queue[str | BaseException] = queue.Queue()
    stop: list[Callable[[], object]] = []

    async def main() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(stopped.set))
        async with serve_at("127.0.0.1", pod_logs) as url:
            urls.put(url)
            await stopped.wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - the fixture raises it in the test's thread
            urls.put(error)

    thread = threading.Thread(target=run, name="api server")
    thread.start()
    try:
        url = urls.get(timeout=60)
        assert isinstance(url, str), url
        yield url
    finally:
        for call in stop:
            call()
        thread.join(60)


@pytest.fixture
def kubectl_command(server: str, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Return the beginning of a kubectl command line for the server, and its complete environment."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH")
    environment = {"HOME": str(tmp_path), "KUBECONFIG": os.devnull, "PATH": os.environ["PATH"]}
    return [program, "--server", server], environment


@pytest.fixture
def kubectl(kubectl_command: tuple[list[str], dict[str, str]]) -> Kubectl:
    """Return a function that runs kubectl on the server, and fails the test unless kubectl fails as expected."""
    command, environment = kubectl_command

    def run(*args: str, text: str | None = None, fails: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*command, *args], input=text, capture_output=True, text=True, timeout=60, check=False, env=environment
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done

    return run
