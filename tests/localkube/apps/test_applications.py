"""The applications answer and stop like the originals, which decides how many requests are lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.localkube.apps.http_echo import parse_flags
from harness.localkube.apps.launch import IGNORE_SIGTERM, Launch
from harness.localkube.kubelet.runtime import RuntimeFailedError

pytestmark = pytest.mark.processes

OnBench = Callable[..., Any]


HALF_POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab"


def test_http_echo_answers_its_text_on_every_path(on_bench: OnBench) -> None:
    """It answers GET, POST with a body on the same connection, and /health."""

    async def scenario(bench: Any) -> list[bytes]:
        await bench.start()
        stream = await bench.connect()
        requests = [
            b"GET /any HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
        return [(await bench.ask(stream, request))[1] for request in requests]

    assert on_bench(scenario) == [b"hi\n", b"hi\n", b'{"status":"ok"}\n']


@pytest.mark.parametrize("unwritable", ["full", "folder"])
def test_a_container_works_if_its_log_cannot_be_written(on_bench: OnBench, unwritable: str) -> None:
    """It starts, answers and ends with 0: a full disk of logs must not affect the application."""

    async def scenario(bench: Any) -> tuple[bytes, int]:
        if unwritable == "full":
            bench.log.symlink_to("/dev/full")
        else:
            bench.log.mkdir()
        process = await bench.start()
        stream = await bench.connect()
        _, body = await bench.ask(stream)
        bench.runtime.terminate(process)
        return body, await process.wait()

    assert on_bench(scenario) == (b"hi\n", 0)


def test_http_echo_1_closes_listener_and_idle_connections_at_sigterm(on_bench: OnBench) -> None:
    """New connections are refused at once, an idle one is closed, and the process ends with 0."""

    async def scenario(bench: Any) -> tuple[bytes, bool, int]:
        process = await bench.start()
        stream = await bench.connect()
        await bench.ask(stream)
        bench.runtime.terminate(process)
        left = await stream[0].read()
        return left, bench.refused(), await process.wait()

    assert on_bench(scenario) == (b"", True, 0)


def test_http_echo_1_finishes_requests_in_flight(on_bench: OnBench) -> None:
    """A request half received at SIGTERM is answered with ``Connection: close``."""

    async def scenario(bench: Any) -> tuple[bool, bytes, bytes, int]:
        process = await bench.start()
        busy, idle = await bench.connect(), await bench.connect()
        await bench.ask(idle)
        await bench.ask(busy)
        busy[1].write(HALF_POST)
        # The response on another connection shows that the half request was read before it.
        await bench.ask(idle)
        bench.runtime.terminate(process)
        await idle[0].read()
        refused = bench.refused()
        head, body = await bench.ask(busy, b"cd")
        return refused, head, body, await process.wait()

    refused, head, body, code = on_bench(scenario)

    assert refused
    assert b"Connection: close" in head
    assert (body, code) == (b"hi\n", 0)


def test_http_echo_0_2_3_ignores_sigterm(on_bench: OnBench) -> None:
    """Old and new connections work until it is killed."""

    async def scenario(bench: Any) -> tuple[bytes, bytes, int]:
        process = await bench.start(**{IGNORE_SIGTERM: "1"})
        stream = await bench.connect()
        bench.runtime.terminate(process)
        old = (await bench.ask(stream))[1]
        new = (await bench.ask(await bench.connect()))[1]
        bench.runtime.kill(process)
        return old, new, await process.wait()

    assert on_bench(scenario) == (b"hi\n", b"hi\n", 128 + signal.SIGKILL)


def test_nginx_hostname_closes_everything_at_sigterm(on_bench: OnBench) -> None:
    """A request half received gets no response."""

    async def scenario(bench: Any) -> tuple[bytes, bytes, int]:
        process = await bench.start("nginx-hostname", (), HOSTNAME="pod-7", NGINX_PORT="8080")
        stream = await bench.connect(8080)
        _, body = await bench.ask(stream)
        stream[1].write(HALF_POST)
        await bench.ask(await bench.connect(8080))
        bench.runtime.terminate(process)
        try:
            left = await stream[0].read()
        except ConnectionResetError:
            left = b""
        return body, left, await process.wait()

    assert on_bench(scenario) == (b"pod-7\n", b"", 0)


def test_nginx_hostname_finishes_requests_at_sigquit(on_bench: OnBench) -> None:
    """SIGQUIT is nginx's graceful shutdown."""

    async def scenario(bench: Any) -> tuple[bytes, int]:
        process = await bench.start("nginx-hostname", (), HOSTNAME="pod-7", NGINX_PORT="8080")
        busy, idle = await bench.connect(8080), await bench.connect(8080)
        await bench.ask(idle)
        busy[1].write(HALF_POST)
        await bench.ask(idle)
        os.kill(process.pid, signal.SIGQUIT)
        await idle[0].read()
        _, body = await bench.ask(busy, b"cd")
        return body, await process.wait()

    assert on_bench(scenario) == (b"pod-7\n", 0)


def test_a_start_delay_keeps_the_listener_closed(on_bench: OnBench) -> None:
    """The process runs without a listener; SIGTERM ends it during that time."""

    async def scenario(bench: Any) -> tuple[bool, int]:
        process = await bench.start(START_DELAY="60")
        await bench.until(lambda: _handles_sigterm(process.pid), "a handler of SIGTERM")
        refused = bench.refused()
        bench.runtime.terminate(process)
        return refused, await process.wait()

    assert on_bench(scenario) == (True, 0)


def _handles_sigterm(pid: int) -> bool:
    """Return True if a process has a handler for SIGTERM."""
    text = Path(f"/proc/{pid}/status").read_text()
    mask = next(int(line.split()[1], 16) for line in text.splitlines() if line.startswith("SigCgt"))
    return bool(mask & (1 << (signal.SIGTERM - 1)))


def test_a_start_delay_ends(on_bench: OnBench) -> None:
    """After the delay the application answers."""

    async def scenario(bench: Any) -> bytes:
        await bench.start(START_DELAY="0.05")
        body: bytes = (await bench.ask(await bench.connect()))[1]
        return body

    assert on_bench(scenario) == b"hi\n"


def test_executed_commands_end_with_their_container(on_bench: OnBench) -> None:
    """A command in the container and its children are killed when the application ends."""

    async def scenario(bench: Any) -> int:
        process = await bench.start()
        await bench.ask(await bench.connect())
        command = await bench.runtime.execute(process, ["sh", "-c", "sleep 60; true"], {"PATH": "/usr/bin:/bin"})
        await bench.until(psutil.Process(command.pid).children, "a child of the command")
        children = psutil.Process(command.pid).children()
        bench.runtime.terminate(process)
        code: int = await command.wait()
        await bench.until(lambda: all(_ended(each) for each in children), "the end of the command's children")
        return code

    assert on_bench(scenario) == 128 + signal.SIGKILL


def _ended(process: psutil.Process) -> bool:
    """Return True if a process has ended, reaped or not."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_fork_server_kills_everything_when_the_kubelet_is_gone(on_bench: OnBench) -> None:
    """No process survives the runtime, even if it ignores SIGTERM."""

    async def scenario(bench: Any) -> psutil.Process:
        process = await bench.start(**{IGNORE_SIGTERM: "1"})
        await bench.connect()
        return psutil.Process(process.pid)

    assert not on_bench(scenario).is_running()


def test_the_end_of_the_fork_server_is_an_error(on_bench: OnBench) -> None:
    """Its containers end with it, and the runtime raises an error."""

    async def scenario(bench: Any) -> int:
        process = await bench.start(**{IGNORE_SIGTERM: "1"})
        container = psutil.Process(process.pid)
        os.kill(container.ppid(), signal.SIGKILL)
        with pytest.raises(RuntimeFailedError, match="ended by itself"):
            await bench.runtime.gone()
        code: int = await process.wait()
        await bench.until(lambda: _ended(container), "the end of the container")
        return code

    assert on_bench(scenario) == 128 + signal.SIGKILL


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("-text=a", "-listen=:80"), ("a", ":80", 200)),
        (("--text", "a", "-status-code", "503"), ("a", ":5678", 503)),
        ((), ("from-env", ":5678", 200)),
    ],
)
def test_flags_follow_gos_rules(args: tuple[str, ...], expected: tuple[str, str, int]) -> None:
    """One dash or two, with = or a space; the text may come from the environment."""
    flags = parse_flags(args, "from-env")

    assert (flags.text, flags.listen, flags.status_code) == expected


@pytest.mark.parametrize("args", [("-nope",), ("-text=",), ("-text=a", "-status-code=x")])
def test_invalid_flags_are_errors(args: tuple[str, ...]) -> None:
    """An unknown flag, a missing text and a status that is not a number are errors."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_flags(args, "")


def test_an_application_listens_on_its_pods_address_only() -> None:
    """Every wildcard means the pod's address; other addresses cannot be bound in a pod."""
    launch = Launch((), {}, "127.9.1.1")

    assert launch.resolve(":5678") == launch.resolve("0.0.0.0:5678") == ("127.9.1.1", 5678)
    with pytest.raises(ValueError, match="cannot assign requested address"):
        launch.resolve("127.0.0.1:5678")
