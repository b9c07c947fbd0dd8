"""The kubelet starts, stops and kills an ingress controller that runs in the node's process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from harness.errors import BringUpError
from harness.localkube.kubelet.runtime import RuntimeFailedError
from harness.localkube.system.runtime import WAIT_SHUTDOWN, NodeRuntime, RunController, SystemProcess, SystemRuntime


class FakeController:
    """A fake controller: it serves when the test allows it, and stops once requests in flight are answered."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.serve = asyncio.Event()
        self.answered = asyncio.Event()
        self.fails: Exception | None = None
        self.address = ""
        self.was_cancelled = False

    async def __call__(
        self, _client: Any, _settings: Any, *, address: str, ready: Callable[[], None], leave: asyncio.Event, log: Path
    ) -> None:
        """Implement ``RunController``."""
        self.address, self.log = address, log
        self.begun.set()
        try:
            await self.serve.wait()
            if self.fails:
                raise self.fails
            ready()
            await leave.wait()
            await self.answered.wait()
            if self.fails:
                raise self.fails
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


@asynccontextmanager
async def runtime(controller: FakeController) -> AsyncIterator[SystemRuntime]:
    """Run a runtime with one application."""
    unused: Any = None
    async with (
        SystemRuntime(unused, unused, {"controller": cast(RunController, controller)}) as system,
        asyncio.timeout(180),
    ):
        yield system


async def started(system: SystemRuntime, controller: FakeController) -> SystemProcess:
    """Start a controller and return once it serves."""
    controller.serve.set()
    return await system.start("controller", "127.9.1.1", Path("controller.log"))


def test_a_start_returns_once_the_controller_serves() -> None:
    """If it returned earlier, the pod would be reported running and probed before it listens."""

    async def scenario() -> None:
        controller = FakeController()
        async with runtime(controller) as system:
            starting = asyncio.create_task(system.start("controller", "127.9.1.1", Path("controller.log")))
            await controller.begun.wait()

            assert not starting.done()
            controller.serve.set()
            process = await starting

            assert process.alive
            assert controller.address == "127.9.1.1"

    asyncio.run(scenario())


def test_sigterm_waits_for_requests_in_flight() -> None:
    """SIGTERM does not end it at once; the exit code of a graceful stop is 0."""

    async def scenario() -> None:
        controller = FakeController()
        async with runtime(controller) as system:
            process = await started(system, controller)
            system.terminate(process)
            await asyncio.sleep(0)

            assert process.alive
            controller.answered.set()

            assert await process.wait() == 0

    asyncio.run(scenario())


def test_the_hook_stops_the_controller_and_waits() -> None:
    """The preStop hook of ingress-nginx returns when the controller has ended; the image has no other program."""

    async def scenario() -> None:
        controller = FakeController()
        async with runtime(controller) as system:
            process = await started(system, controller)
            with pytest.raises(RuntimeFailedError, match="executable file not found"):
                await system.execute(process, ["/bin/sh"])
            hook = await system.execute(process, [WAIT_SHUTDOWN])

            assert hook.alive
            controller.answered.set()

            assert await hook.wait() == 0
            assert await process.wait() == 0

    asyncio.run(scenario())


def test_a_killed_controller_ends_at_once() -> None:
    """Its exit code is that of SIGKILL; killing its hook does not affect it."""

    async def scenario() -> None:
        controller = FakeController()
        async with runtime(controller) as system:
            process = await started(system, controller)
            hook = await system.execute(process, [WAIT_SHUTDOWN])
            system.kill(cast(SystemProcess, hook))
            await asyncio.sleep(0)

            assert process.alive
            system.kill(process)

            assert await process.wait() == 137
            assert controller.was_cancelled

    asyncio.run(scenario())


def test_a_controller_that_does_not_start_is_an_error() -> None:
    """The start raises an error, and ``failed`` raises its cause."""

    async def scenario() -> None:
        controller = FakeController()
        controller.fails = BringUpError("nginx does not start.")
        async with runtime(controller) as system:
            with pytest.raises(RuntimeFailedError, match="did not start"):
                await started(system, controller)
            with pytest.raises(BringUpError, match="nginx does not start"):
                await system.failed()

    asyncio.run(scenario())


@pytest.mark.processes
def test_a_failed_controller_stops_the_node(tmp_path: Path) -> None:
    """The node's runtime raises the failure, because a cluster without its ingress would produce wrong verdicts."""

    async def scenario() -> None:
        controller = FakeController()
        controller.serve.set()
        async with runtime(controller) as system, NodeRuntime(tmp_path / "log", system) as node:
            process = await node.start(app="controller", args=(), env={}, address="127.9.1.1", log=tmp_path / "c")
            controller.fails = BringUpError("nginx ended by itself.")
            controller.answered.set()
            node.terminate(process)
            with pytest.raises(BaseExceptionGroup) as caught:
                await node.gone()

            assert "ended by itself" in str(caught.value.exceptions[0])

    asyncio.run(scenario())


def test_controllers_end_with_the_node() -> None:
    """No controller survives the runtime."""

    async def scenario() -> SystemProcess:
        controller = FakeController()
        async with runtime(controller) as system:
            return await started(system, controller)

    assert asyncio.run(scenario()).exited.done()
