"""slow-echo delays a response on request, and only the grace period can cut it off."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from harness.kit.waiting import wait_until
from harness.localkube.addresses import take_block
from harness.localkube.apps.slow_echo import delay_of
from harness.localkube.kubelet.images import find_image

pytestmark = pytest.mark.processes

OnBench = Callable[..., Any]
ROOT = Path(__file__).parents[3]
SLOW = b"GET /a?delay=400ms HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "seconds"),
    [("/", 0), ("/a?delay=2s", 2), ("/a?b=c&delay=250ms", 0.25), ("/?delay=1.5s", 1.5), ("/?delays=2s", 0)],
)
def test_the_query_sets_the_delay(target: str, seconds: float) -> None:
    """The delay has the unit seconds or milliseconds."""
    assert delay_of(target) == seconds


@pytest.mark.parametrize("value", ["2", "", "-1s", "601s", "soon"])
def test_an_invalid_delay_is_answered_with_400(on_bench: OnBench, value: str) -> None:
    """The body shows the expected form, and the connection stays usable."""

    async def scenario(bench: Any) -> list[tuple[bytes, bytes]]:
        await bench.start("slow-echo")
        stream = await bench.connect()
        return [
            await bench.ask(stream, f"GET {p} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) for p in (f"/?delay={value}", "/")
        ]

    (head, body), (_, after) = on_bench(scenario)

    assert head.startswith(b"HTTP/1.1 400")
    assert b"such as 2s" in body
    assert after == b"hi\n"


def test_a_response_takes_at_least_the_delay(on_bench: OnBench) -> None:
    """A request without a delay is answered at once, with the same text."""

    async def scenario(bench: Any) -> tuple[float, bytes, bytes]:
        await bench.start("slow-echo")
        stream = await bench.connect()
        begun = monotonic()
        _, slow = await bench.ask(stream, SLOW)
        took = monotonic() - begun
        _, fast = await bench.ask(stream)
        return took, slow, fast

    took, slow, fast = on_bench(scenario)

    assert took >= 0.4
    assert (slow, fast) == (b"hi\n", b"hi\n")


def test_a_delayed_response_survives_sigterm(on_bench: OnBench) -> None:
    """The listener closes at once; the process ends after the response."""

    async def scenario(bench: Any) -> tuple[bool, bytes, bytes, int]:
        process = await bench.start("slow-echo")
        stream, other = await bench.connect(), await bench.connect()
        await bench.ask(other)
        stream[1].write(SLOW)
        # The response on another connection shows that the slow request was read before it.
        await bench.ask(other)
        bench.runtime.terminate(process)
        await other[0].read()
        refused = bench.refused()
        head, body = await bench.ask(stream, b"")
        return refused, head, body, await process.wait()

    refused, head, body, code = on_bench(scenario)

    assert refused
    assert b"Connection: close" in head
    assert (body, code) == (b"hi\n", 0)


def test_a_delayed_response_is_cut_off_by_sigkill(on_bench: OnBench) -> None:
    """This is the end of a grace period that is too short."""

    async def scenario(bench: Any) -> tuple[bytes, int]:
        process = await bench.start("slow-echo")
        stream, other = await bench.connect(), await bench.connect()
        stream[1].write(b"GET /?delay=60s HTTP/1.1\r\nHost: a\r\n\r\n")
        await bench.ask(other)
        bench.runtime.terminate(process)
        await other[0].read()
        bench.runtime.kill(process)
        return await stream[0].read(), await process.wait()

    assert on_bench(scenario) == (b"", 128 + signal.SIGKILL)


def test_the_image_is_found_by_its_name() -> None:
    """It is found with any 1.x tag, or without a tag."""
    names = ("harness/slow-echo:1", "harness/slow-echo", "docker.io/harness/slow-echo:1.2")

    assert {image.app for name in names if (image := find_image(name))} == {"slow-echo"}
    assert find_image("harness/slow-echo:2") is None


@pytest.mark.parametrize("image", ["echo", "slow-echo"])
def test_the_files_that_the_dockerfile_copies_are_sufficient(tmp_path: Path, image: str) -> None:
    """With these files the program serves, writes receipts to standard output, drains and ends with 0."""
    dockerfile = (ROOT / "kind-config" / "apps" / image / "Dockerfile").read_text()
    module = re.findall(r'"-m", "([a-z_.]+)"', dockerfile)
    for source in re.findall(r"^COPY (\S+) \S+$", dockerfile, re.MULTILINE):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.endswith("/") else shutil.copy
        copy(ROOT / source, tmp_path / source)
    with take_block() as held:
        address = held.block.pod_address(1)
        with subprocess.Popen(
            [sys.executable, "-S", "-m", *module, "-text=hi", "-listen=:5678"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "POD_IP": address, "HOSTNAME": "apple-1"},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
        ) as process:
            try:
                body = wait_until(lambda: _get(address), timeout=60, what="an answer")
                process.send_signal(signal.SIGTERM)
                code = process.wait(60)
                log = process.communicate()[0].decode()
            finally:
                process.kill()

    receipts = [line.split()[1:3] for line in log.splitlines() if line.startswith("receipt ")]
    assert (body, code) == (b"hi\n", 0)
    assert receipts == [["0", "start"], ["1", "read"], ["2", "answered"], ["3", "end"]]


def _get(address: str) -> bytes | None:
    client = http.client.HTTPConnection(address, 5678, timeout=60)
    try:
        client.request("GET", "/?delay=10ms", headers={"X-Request-ID": "t-0-1"})
        return client.getresponse().read()
    except ConnectionRefusedError:
        return None
    finally:
        client.close()
