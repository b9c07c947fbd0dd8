"""Applications write a receipt of each request that they read and of each answer that they write."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.localkube.apps.launch import Launch
from harness.localkube.apps.orders import Orders, StopMode
from harness.localkube.apps.receipts import ReceiptWriter, receipts_of

pytestmark = pytest.mark.processes

OnBench = Callable[..., Any]

STAND_IN = Orders(StopMode.DRAINS, ready=0.0, ports=(5678,), identity="hi")
APPLICATIONS = {
    "http-echo": ("-text=hi",),
    "slow-echo": ("-text=hi",),
    "nginx-hostname": (),
    "stand-in": (STAND_IN.encode(),),
}


def request(attempt: str, target: str = "/") -> bytes:
    """Return a request with an id."""
    return f"GET {target} HTTP/1.1\r\nHost: a\r\nX-Request-ID: {attempt}\r\n\r\n".encode()


def lines(log: Path) -> list[list[str]]:
    """Return the words of each receipt."""
    return [line.split() for line in receipts_of(log).read_text().splitlines()]


@pytest.mark.parametrize("app", APPLICATIONS)
def test_each_application_writes_receipts(on_bench: OnBench, app: str) -> None:
    """A request has two lines; one without an id, such as a probe, has none. The log itself has no receipts."""

    async def scenario(bench: Any) -> tuple[list[list[str]], str]:
        process = await bench.start(app, APPLICATIONS[app], HOSTNAME="apple-1", NGINX_PORT="5678")
        stream = await bench.connect()
        await bench.ask(stream, request("t-0-7"))
        await bench.ask(stream)
        bench.runtime.terminate(process)
        await process.wait()
        return lines(bench.log), bench.log.read_text()

    found, log = on_bench(scenario)

    assert [words[:3] for words in found] == [
        ["receipt", "0", "start"],
        ["receipt", "1", "read"],
        ["receipt", "2", "answered"],
        ["receipt", "3", "end"],
    ]
    assert found[0][3:6] == ["1", "apple-1", "file"]
    assert (found[1][3], found[2][3], found[2][5]) == ("t-0-7", "t-0-7", "200")
    times = [int(found[0][6]), *(int(words[4]) for words in found[1:3]), int(found[3][3])]
    assert times == sorted(times)
    assert "receipt" not in log


def test_a_killed_application_has_written_every_receipt(on_bench: OnBench) -> None:
    """The request that it was busy with is among them; it has no answer, and there is no end."""

    async def scenario(bench: Any) -> list[list[str]]:
        process = await bench.start("slow-echo")
        answered, busy = await bench.connect(), await bench.connect()
        await bench.ask(answered, request("t-0-1"))
        busy[1].write(request("t-0-2", "/?delay=60s"))
        await bench.until(lambda: len(lines(bench.log)) == 4, "the receipt of the request")
        bench.runtime.kill(process)
        await process.wait()
        return lines(bench.log)

    assert [words[2:4] for words in on_bench(scenario)][1:] == [
        ["read", "t-0-1"],
        ["answered", "t-0-1"],
        ["read", "t-0-2"],
    ]


def test_an_answer_to_a_client_that_has_gone_has_no_receipt(on_bench: OnBench) -> None:
    """The application read the request and did the work, but nobody was there to get the answer."""

    async def scenario(bench: Any) -> list[list[str]]:
        process = await bench.start("slow-echo")
        busy = await bench.connect()
        busy[1].write(request("t-0-2", "/?delay=200ms"))
        await bench.until(lambda: len(lines(bench.log)) == 2, "the receipt of the request")
        busy[1].transport.abort()
        await bench.ask(await bench.connect(), request("t-0-3", "/?delay=500ms"))
        bench.runtime.terminate(process)
        await process.wait()
        return lines(bench.log)

    found = [(words[2], words[3]) for words in on_bench(scenario)]

    assert ("answered", "t-0-3") in found
    assert ("answered", "t-0-2") not in found


def test_a_line_that_cannot_be_written_leaves_a_gap(tmp_path: Path) -> None:
    """The application goes on, and the number of the next line shows the loss."""
    log = tmp_path / "receipts"
    with ReceiptWriter(Launch((), {"HOSTNAME": "apple-1"}, "127.0.0.1", str(log))) as receipts:
        receipts.read("t-0-1")
        descriptor = receipts._descriptor
        kept, full = os.dup(descriptor), os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, descriptor)
        receipts.answered("t-0-1", 200)
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(full)

    assert [line.split()[1] for line in log.read_text().splitlines()] == ["0", "1", "3"]


def test_a_restarted_container_begins_again(on_bench: OnBench) -> None:
    """Both processes write to one file; each begins with a line of its own."""

    async def scenario(bench: Any) -> list[list[str]]:
        for count, attempt in ((3, "t-0-1"), (6, "t-0-2")):
            process = await bench.start()
            await bench.ask(await bench.connect(), request(attempt))
            await bench.until(lambda: len(lines(bench.log)) == count, "the receipts")  # noqa: B023 - awaited here
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        return lines(bench.log)

    assert [words[1:3] for words in on_bench(scenario)] == 2 * [["0", "start"], ["1", "read"], ["2", "answered"]]
