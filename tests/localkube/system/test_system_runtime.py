"""How the kubelet starts, asks to end and kills what plays an ingress controller in the node's own process."""

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


class Player:
    """Plays a controller: it serves when it is told to, and ends when it is asked and nothing is under way."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.serve = asyncio.Event()
        self.answered = asyncio.Event()
        self.fails: Exception | None = None
        self.address = ""
        self.was_cancelled = False

    async def __call__(
        self, _client: Any, _settings: Any, *, address: str, ready: Callable[[], None], leave: asyncio.Event
    ) -> None:
        """As ``RunController``."""
        self.address = address
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
async def runtime(player: Player) -> AsyncIterator[SystemRuntime]:
    """A runtime that has one application."""
    nobody: Any = None
    async with (
        SystemRuntime(nobody, nobody, {"controller": cast(RunController, player)}) as system,
        asyncio.timeout(60),
    ):
        yield system


async def started(system: SystemRuntime, player: Player) -> SystemProcess:
    """A controller that serves."""
    player.serve.set()
    return await system.start("controller", "127.9.1.1")


def test_a_start_is_over_when_it_serves() -> None:
    """Not before: its pod would be called running, and probed, while nobody listens."""

    async def scenario() -> None:
        player = Player()
        async with runtime(player) as system:
            starting = asyncio.create_task(system.start("controller", "127.9.1.1"))
            await player.begun.wait()

            assert not starting.done()
            player.serve.set()
            process = await starting

            assert process.alive
            assert player.address == "127.9.1.1"

    asyncio.run(scenario())


def test_asked_to_end_it_answers_what_is_under_way_first() -> None:
    """SIGTERM ends nothing by itself; the exit code of an orderly end is 0."""

    async def scenario() -> None:
        player = Player()
        async with runtime(player) as system:
            process = await started(system, player)
            system.terminate(process)
            await asyncio.sleep(0)

            assert process.alive
            player.answered.set()

            assert await process.wait() == 0

    asyncio.run(scenario())


def test_its_hook_asks_it_to_end_and_waits_for_that() -> None:
    """The preStop hook of ingress-nginx returns when the controller is gone, and no other program is there."""

    async def scenario() -> None:
        player = Player()
        async with runtime(player) as system:
            process = await started(system, player)
            with pytest.raises(RuntimeFailedError, match="executable file not found"):
                await system.execute(process, ["/bin/sh"])
            hook = await system.execute(process, [WAIT_SHUTDOWN])

            assert hook.alive
            player.answered.set()

            assert await hook.wait() == 0
            assert await process.wait() == 0

    asyncio.run(scenario())


def test_killed_it_ends_at_once() -> None:
    """As by SIGKILL, with that code; a hook that is given up touches nothing."""

    async def scenario() -> None:
        player = Player()
        async with runtime(player) as system:
            process = await started(system, player)
            hook = await system.execute(process, [WAIT_SHUTDOWN])
            system.kill(cast(SystemProcess, hook))
            await asyncio.sleep(0)

            assert process.alive
            system.kill(process)

            assert await process.wait() == 137
            assert player.was_cancelled

    asyncio.run(scenario())


def test_one_that_does_not_come_up_is_an_error() -> None:
    """The start says so, and what it failed of is told to whoever watches the node."""

    async def scenario() -> None:
        player = Player()
        player.fails = BringUpError("nginx does not start.")
        async with runtime(player) as system:
            with pytest.raises(RuntimeFailedError, match="did not start"):
                await started(system, player)
            with pytest.raises(BringUpError, match="nginx does not start"):
                await system.failed()

    asyncio.run(scenario())


@pytest.mark.processes
def test_one_that_fails_by_itself_takes_the_node_down(tmp_path: Path) -> None:
    """The node's runtime ends with its failure: without an ingress, verdicts would be about the cluster itself."""

    async def scenario() -> None:
        player = Player()
        player.serve.set()
        async with runtime(player) as system, NodeRuntime(tmp_path / "log", system) as node:
            process = await node.start(app="controller", args=(), env={}, address="127.9.1.1", log=tmp_path / "c")
            player.fails = BringUpError("nginx ended by itself.")
            player.answered.set()
            node.terminate(process)
            with pytest.raises(BaseExceptionGroup) as caught:
                await node.gone()

            assert "ended by itself" in str(caught.value.exceptions[0])

    asyncio.run(scenario())


def test_all_end_with_the_node() -> None:
    """Leaving the runtime leaves nothing behind."""

    async def scenario() -> SystemProcess:
        player = Player()
        async with runtime(player) as system:
            return await started(system, player)

    assert asyncio.run(scenario()).exited.done()
