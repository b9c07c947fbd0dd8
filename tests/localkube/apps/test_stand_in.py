"""The four ways in which a stand-in stops, and its start."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from harness.localkube.apps.orders import STOP_MODES, Orders, StopMode

pytestmark = pytest.mark.processes

OnBench = Callable[..., Any]
HALF = b"GET / HTTP/1.1\r\n"
REST = b"Host: a\r\n\r\n"


def orders(ending: StopMode, **changes: Any) -> tuple[str, ...]:
    """Return the arguments of a stand-in that listens on one port at once."""
    values: dict[str, Any] = {"ready": 0.0, "ports": (5678,), "identity": "app=shop", "late": 600.0, **changes}
    return (Orders(ending, **values).encode(),)


def test_a_stand_in_answers_its_identity_on_every_port_and_path(on_bench: OnBench) -> None:
    """Any request gets the same answer."""

    async def scenario(bench: Any) -> list[bytes]:
        await bench.start("stand-in", orders(StopMode.DRAINS, ports=(5678, 5679)))
        streams = [await bench.connect(5678), await bench.connect(5679)]
        return [(await bench.ask(stream, b"POST /any?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"))[1] for stream in streams]

    assert on_bench(scenario) == [b"app=shop\n"] * 2


@pytest.mark.parametrize(
    ("ending", "answered", "refuses", "ends"),
    [
        (StopMode.DRAINS, True, True, True),
        (StopMode.CLOSES_AT_ONCE, False, True, True),
        (StopMode.IGNORES_SIGTERM, True, False, False),
        (StopMode.EXITS_LATE, True, True, False),
    ],
)
def test_each_ending_determines_the_lost_requests(
    on_bench: OnBench, ending: StopMode, answered: bool, refuses: bool, ends: bool
) -> None:
    """It affects a request in flight, a new connection, and the end of the process after SIGTERM."""

    async def scenario(bench: Any) -> tuple[bytes, bool, bool]:
        process = await bench.start("stand-in", orders(ending))
        stream, idle = await bench.connect(), await bench.connect()
        stream[1].write(HALF)
        # The response on another connection shows that the half request was read before SIGTERM.
        await bench.ask(idle)
        bench.runtime.terminate(process)
        if ending is StopMode.IGNORES_SIGTERM:
            await bench.ask(idle)
        else:
            await idle[0].read()
        refused = bench.refused()
        stream[1].write(REST)
        if ending is StopMode.IGNORES_SIGTERM:
            body = (await bench.ask(stream, b""))[1]
        else:
            body = b""
            # The rest meets a socket that is closed already, or that closes with the rest unread, which resets it.
            with suppress(ConnectionResetError):
                body = await stream[0].read()
        if ends:
            assert await process.wait() == 0
        alive = process.alive
        if alive:
            bench.runtime.kill(process)
            assert await process.wait() == 128 + signal.SIGKILL
        return body, refused, alive

    body, refused, alive = on_bench(scenario)

    assert body.endswith(b"app=shop\n") is answered
    assert (refused, not alive) == (refuses, ends)


def test_a_late_exit_follows_the_shutdown(on_bench: OnBench) -> None:
    """The process ends by itself after its time."""

    async def scenario(bench: Any) -> int:
        process = await bench.start("stand-in", orders(StopMode.EXITS_LATE, late=0.2))
        await bench.ask(await bench.connect())
        bench.runtime.terminate(process)
        code: int = await process.wait()
        return code

    assert on_bench(scenario) == 0


def test_a_stand_in_can_be_stopped_before_it_is_ready(on_bench: OnBench) -> None:
    """SIGTERM during the start ends it with 0, without a listener."""

    async def scenario(bench: Any) -> tuple[int, bool]:
        process = await bench.start("stand-in", orders(StopMode.DRAINS, ready=600.0))
        await bench.until(bench.log.exists, "its log")
        bench.runtime.terminate(process)
        return await process.wait(), bench.refused()

    code, refused = on_bench(scenario)

    assert refused
    assert code in {0, 128 + signal.SIGTERM}


def test_an_unused_connection_does_not_delay_the_end(on_bench: OnBench) -> None:
    """As in Go, an unused connection counts as idle once it is 5 s old."""

    async def scenario(bench: Any) -> tuple[bytes, int]:
        process = await bench.start("stand-in", orders(StopMode.DRAINS))
        unused = await bench.connect()
        bench.runtime.terminate(process)
        return await unused[0].read(), await process.wait()

    assert on_bench(scenario) == (b"", 0)


def test_every_ending_has_a_sentence() -> None:
    """Reports and documentation describe each ending."""
    assert set(STOP_MODES) == set(StopMode)
    assert all(STOP_MODES.values())
