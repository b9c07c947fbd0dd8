"""Streams into pods on a small cluster: programs are executed, and ports are forwarded."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from harness.localkube.apps import confinement
from harness.localkube.kubelet.streaming import spdy
from harness.localkube.machinery.resources import PODS

pytestmark = pytest.mark.processes

OnCluster = Callable[..., Any]
Object = dict[str, Any]
WITH_SHELL = {"image": "xds2000/nginx-hostname:latest", "args": []}
V5 = "v5.channel.k8s.io"

needs_landlock = pytest.mark.skipif(confinement.version() == 0, reason="the kernel has no Landlock")


async def execute(
    cluster: Any, pod: Object, *command: str, text: bytes | None = None, protocol: str = V5
) -> tuple[bytes, bytes, Object]:
    """Execute a command in a pod; return its output, its error output and the Status of its end."""
    flags = {"stdout": "true", "stderr": "true", "stdin": "true" if text is not None else "false"}
    query = urlencode([*(("command", word) for word in command), *flags.items()])
    url = f"{cluster.client.base_url}/api/v1/namespaces/default/pods/{pod['metadata']['name']}/exec?{query}"
    found = {1: b"", 2: b"", 3: b""}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=(protocol,)) as socket,
    ):
        if text is not None:
            await socket.send_bytes(b"\x00" + text)
            await socket.send_bytes(b"\xff\x00")
        async for message in socket:
            found[message.data[0]] += message.data[1:]
    return found[1], found[2], json.loads(found[3])


@needs_landlock
def test_a_program_runs_in_the_containers_environment(on_cluster: OnCluster) -> None:
    """Output, error output, input and exit code are those of the program, which has the container's variables."""

    async def scenario(cluster: Any) -> None:
        await cluster.deploy(container={**WITH_SHELL, "env": [{"name": "COLOUR", "value": "red"}]})
        pod = await cluster.ready_pod()

        out, err, status = await execute(cluster, pod, "sh", "-c", "echo $HOSTNAME $COLOUR; echo no >&2; exit 3")
        assert (out.decode(), err) == (f"{pod['metadata']['name']} red\n", b"no\n")
        assert status["reason"] == "NonZeroExitCode"
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]

        text = b"x" * 200_000
        out, _, status = await execute(cluster, pod, "cat", text=text)
        assert (out, status["status"]) == (text, "Success")
        out, _, status = await execute(cluster, pod, "echo", "hi", protocol="v4.channel.k8s.io")
        assert (out, status["status"]) == (b"hi\n", "Success")

    on_cluster(scenario)


@needs_landlock
def test_a_terminal_has_a_size_and_its_shell_an_exit_code(on_cluster: OnCluster) -> None:
    """A shell that talks to a user has a terminal, which follows the size of the user's."""

    async def scenario(cluster: Any) -> None:
        await cluster.deploy(container=WITH_SHELL)
        pod = await cluster.ready_pod()
        base = f"{cluster.client.base_url}/api/v1/namespaces/default/pods/{pod['metadata']['name']}/exec"
        out, result = b"", b""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{base}?command=sh&stdin=true&stdout=true&tty=true", protocols=(V5,)) as socket,
        ):
            await socket.send_bytes(b"\x04" + json.dumps({"Width": 91, "Height": 17}).encode())
            await socket.send_bytes(b"\x00stty size; exit 4\n")
            async for message in socket:
                if message.data[0] == 1:
                    out += message.data[1:]
                else:
                    result += message.data[1:]
        assert b"17 91" in out
        assert json.loads(result)["details"]["causes"] == [{"reason": "ExitCode", "message": "4"}]

    on_cluster(scenario)


@needs_landlock
def test_a_program_cannot_change_the_machine(on_cluster: OnCluster, tmp_path: Path) -> None:
    """It writes only in its pod's folder, and signals no process of the machine."""
    outside = tmp_path / "outside"

    async def scenario(cluster: Any) -> None:
        await cluster.deploy(container=WITH_SHELL)
        pod = await cluster.ready_pod()

        _, err, status = await execute(cluster, pod, "touch", str(outside))
        assert (b"Permission denied" in err, status["status"]) == (True, "Failure")
        script = "touch inside && mkdir d && mv inside d/ && cat d/inside && rm -r d && echo > /dev/null"
        assert (await execute(cluster, pod, "sh", "-c", script))[2]["status"] == "Success"
        if confinement.version() >= 6:
            _, err, _ = await execute(cluster, pod, "sh", "-c", f"kill -9 {os.getpid()}")
            assert b"not permitted" in err

    on_cluster(scenario)
    assert not outside.exists()


@needs_landlock
def test_an_image_without_a_shell_and_a_missing_program_fail_as_in_containerd(on_cluster: OnCluster) -> None:
    """http-echo has no program but itself; a missing program and a missing path have their own words."""

    async def scenario(cluster: Any) -> None:
        await cluster.deploy()
        pod = await cluster.ready_pod()
        _, _, status = await execute(cluster, pod, "sh", "-c", "true")
        assert 'exec: "sh": executable file not found in $PATH' in status["message"]
        assert status["reason"] == "InternalError"
        _, _, status = await execute(cluster, pod, "/bin/sh")
        assert 'exec: "/bin/sh": stat /bin/sh: no such file or directory' in status["message"]

    on_cluster(scenario)


@needs_landlock
def test_without_landlock_nothing_is_executed(on_cluster: OnCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that nothing confines would run on the user's machine."""
    monkeypatch.setattr(confinement, "version", lambda: 0)

    async def scenario(cluster: Any) -> None:
        await cluster.deploy(container=WITH_SHELL)
        pod = await cluster.ready_pod()
        out, _, status = await execute(cluster, pod, "echo", "hi")
        assert out == b""
        assert "only on a kernel with Landlock" in status["message"]

    on_cluster(scenario)


def test_requests_that_cannot_become_a_stream_are_refused(on_cluster: OnCluster) -> None:
    """A request without a WebSocket, a command or an output says what is wrong; attach names another way."""

    async def scenario(cluster: Any) -> None:
        await cluster.deploy()
        pod = await cluster.ready_pod()
        base = f"{cluster.client.base_url}/api/v1/namespaces/default/pods/{pod['metadata']['name']}"
        refused = {
            "/exec?command=ls&stdout=true": (400, "use kubectl 1.31 or later"),
            "/exec?stdout=true": (400, "at least one command"),
            "/exec?command=ls": (400, "at least 1 of stdin, stdout, stderr"),
            "/exec?command=ls&stdout=true&container=no": (400, "container no is not valid"),
            "/portforward": (400, "use kubectl 1.31 or later"),
            "/attach": (501, "use kubectl logs -f, or kubectl exec"),
        }
        async with aiohttp.ClientSession() as session:
            for path, (code, words) in refused.items():
                async with session.post(base + path) as response:
                    answer = await response.json()
                    assert (response.status, words in answer["message"]) == (code, True), answer
            async with session.post(base + "x/exec?command=ls&stdout=true") as response:
                assert response.status == 404

    on_cluster(scenario)


def test_a_container_that_does_not_run_is_not_found(on_cluster: OnCluster, stays_down: str) -> None:
    """The kubelet says so, because only it knows what runs."""

    async def scenario(cluster: Any) -> None:
        await cluster.deploy(container={"args": ["-no-such-flag"]})
        pod = await cluster.until(PODS, lambda pods: next((p for p in pods if _waits(p)), None))
        _, _, status = await execute(cluster, pod, "ls")
        assert 'container not found ("apple")' in status["message"]

    on_cluster(scenario, profile=stays_down)


def _waits(pod: Object) -> bool:
    states = pod.get("status", {}).get("containerStatuses") or []
    return any(each["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" for each in states)


class Tunnel:
    """A client that speaks SPDY in the messages of a WebSocket; it opens streams as the side that connects."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._packer = zlib.compressobj(zdict=spdy.DICTIONARY)

    async def open(self, number: int, **headers: str) -> None:
        """Open a stream."""
        texts = [text.encode() for pair in headers.items() for text in pair]
        block = len(headers).to_bytes(4, "big") + b"".join(len(each).to_bytes(4, "big") + each for each in texts)
        packed = self._packer.compress(block) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        body = number.to_bytes(4, "big") + bytes(6) + packed
        await self._socket.send_bytes(b"\x80\x03\x00\x01" + len(body).to_bytes(4, "big") + body)

    async def send(self, number: int, payload: bytes) -> None:
        """Send data on a stream."""
        await self._socket.send_bytes(number.to_bytes(4, "big") + len(payload).to_bytes(4, "big") + payload)

    async def received(self, number: int) -> bytes:
        """Return what the server sends on a stream, until it ends the stream."""
        found: bytes = b""
        async for message in self._socket:
            if int.from_bytes(message.data[:4], "big") == number:
                found += message.data[8:]
                if message.data[4] & 1:
                    return bytes(found)
        raise AssertionError(f"the stream {number} has not ended: {found!r}")


def test_a_port_is_forwarded_and_a_closed_one_is_reported(on_cluster: OnCluster) -> None:
    """A request through the tunnel reaches the pod; a port without a listener gives the kubelet's words."""

    async def scenario(cluster: Any) -> None:
        await cluster.deploy()
        pod = await cluster.ready_pod()
        await cluster.until_port("connected", pod, 5678)
        url = f"{cluster.client.base_url}/api/v1/namespaces/default/pods/{pod['metadata']['name']}/portforward"
        protocols = ("SPDY/3.1+portforward.k8s.io",)
        async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=protocols) as socket:
            tunnel = Tunnel(socket)
            await tunnel.open(1, streamType="error", port="5678", requestID="0")
            await tunnel.open(3, streamType="data", port="5678", requestID="0")
            await tunnel.send(3, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await tunnel.received(3)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b"apple-v1" in answer
            await tunnel.open(5, streamType="error", port="81", requestID="1")
            await tunnel.open(7, streamType="data", port="81", requestID="1")
            refused = (await tunnel.received(5)).decode()
            assert refused.endswith("dial tcp4 127.0.0.1:81: connect: connection refused")

    on_cluster(scenario)
