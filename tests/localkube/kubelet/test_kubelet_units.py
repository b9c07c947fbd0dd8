"""Parts of the kubelet: images, environment, probes, grace periods, status, owners of listeners."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.addresses import take_block
from harness.localkube.kubelet.environment import ConfigError, environment, expand
from harness.localkube.kubelet.handlers import HandlerFailedError, HandlerRunner, RunningContainer
from harness.localkube.kubelet.images import Image, OnSigterm, find_image
from harness.localkube.kubelet.listeners import owns_listener
from harness.localkube.kubelet.node import node_name
from harness.localkube.kubelet.probes import ProbeThreshold, until_next_tick
from harness.localkube.kubelet.runtime import Process
from harness.localkube.kubelet.status import ContainerState, pod_status
from harness.localkube.kubelet.termination import grace_after_hook
from harness.localkube.machinery.objects import Object


@pytest.mark.parametrize(
    ("name", "stop", "shell"),
    [
        ("hashicorp/http-echo", OnSigterm.GRACEFUL, False),
        ("hashicorp/http-echo:1.0", OnSigterm.GRACEFUL, False),
        ("docker.io/hashicorp/http-echo:1.0.0", OnSigterm.GRACEFUL, False),
        ("hashicorp/http-echo:0.2.3", OnSigterm.IGNORED, False),
        ("xds2000/nginx-hostname", OnSigterm.FAST, True),
    ],
)
def test_images_are_found_with_and_without_tag(name: str, stop: OnSigterm, shell: bool) -> None:
    """Each version reacts to SIGTERM in its own way; only nginx-hostname has a shell."""
    image = find_image(name)

    assert image is not None
    assert (image.stop, image.shell) == (stop, shell)


@pytest.mark.parametrize(
    "name", ["nginx", "hashicorp/http-echo:0.9", "hashicorp/http-echo:10", "else/http-echo:1.0", ""]
)
def test_unknown_images_are_not_found(name: str) -> None:
    """A tag that only resembles a known one is unknown."""
    assert find_image(name) is None


def some_image() -> Image:
    """Return the image of http-echo 1.x."""
    image = find_image("hashicorp/http-echo")
    assert image is not None
    return image


POD: Object = {
    "metadata": {"name": "apple-1", "namespace": "shop", "uid": "u", "labels": {"app": "apple"}},
    "spec": {"nodeName": "n"},
}


def test_environment_comes_from_image_pod_and_spec() -> None:
    """The host name is the pod's name, fields are resolved, and later variables can refer to earlier ones."""
    fields = {
        "IP": "status.podIP",
        "NAME": "metadata.name",
        "SPACE": "metadata.namespace",
        "APP": "metadata.labels['app']",
    }
    env = [{"name": n, "valueFrom": {"fieldRef": {"fieldPath": path}}} for n, path in fields.items()]
    env.append({"name": "BOTH", "value": "$(NAME).$(SPACE)"})

    found = environment(POD, {"env": env}, some_image(), "127.9.1.1")

    assert [found[n] for n in (*fields, "BOTH")] == ["127.9.1.1", "apple-1", "shop", "apple", "apple-1.shop"]
    assert (found["HOSTNAME"], found["ECHO_TEXT"]) == ("apple-1", "hello-world")


def test_unsupported_sources_of_variables_are_errors() -> None:
    """A container never starts with a value silently missing."""
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]

    with pytest.raises(ConfigError, match="secretKeyRef"):
        environment(POD, {"env": env}, some_image(), "127.9.1.1")


@pytest.mark.parametrize(("text", "expected"), [("$(A)x", "1x"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A", "$A")])
def test_known_references_are_replaced(text: str, expected: str) -> None:
    """As in Kubernetes, unknown references stay and a doubled dollar escapes."""
    assert expand(text, {"A": "1"}) == expected


@pytest.mark.parametrize(
    ("grace", "hook", "expected"), [(60, 10.2, 50), (30, 29.5, 2), (5, 5.0, 2), (1, 0.2, 2), (60, 0.9, 60)]
)
def test_the_hook_counts_against_the_grace_period(grace: int, hook: float, expected: int) -> None:
    """The hook counts in whole seconds, and at least 2 s remain between SIGTERM and SIGKILL."""
    assert grace_after_hook(grace, hook) == expected


def test_a_probe_changes_its_state_only_at_its_threshold() -> None:
    """It needs two successes, then three failures in a row; a success in between restarts the count."""
    threshold = ProbeThreshold(success=2, failure=3)
    answers = [True, True, False, False, True, False, False, False]

    assert [threshold.count(ok=ok) for ok in answers] == [False, True, False, False, False, False, False, True]
    assert threshold.state is False


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(1, 60))
def test_ticks_are_whole_periods_after_the_anchor(now: float, anchor: float, period: int) -> None:
    """The next tick is never now and at most a period away, except for a tick that is due right now."""
    assert 0.001 < until_next_tick(now, anchor, period) <= period + 0.001


def state(**facts: Any) -> ContainerState:
    """Build a running, ready container unless ``facts`` differ."""
    return ContainerState("c", "i", **{"state": {"running": {}}, "ready": True, "container_id": "x", **facts})


ENDED = {"terminated": {"exitCode": 0}}
KILLED = {"terminated": {"exitCode": 137}}


@pytest.mark.parametrize(
    ("containers", "deleting", "phase", "ready"),
    [
        ([state()], False, "Running", "True"),
        ([state(ready=False)], False, "Running", "False"),
        ([state(), state(ready=False)], False, "Running", "False"),
        ([ContainerState("c", "i")], False, "Pending", "False"),
        ([state(state=KILLED, ready=False)], False, "Running", "False"),
        ([state()], True, "Running", "True"),
        ([state(state=ENDED, ready=False)], True, "Succeeded", "False"),
        ([state(state=KILLED, ready=False)], True, "Failed", "False"),
    ],
)
def test_phase_and_readiness_follow_the_containers(
    containers: list[ContainerState], deleting: bool, phase: str, ready: str
) -> None:
    """A terminating pod stays ready while its containers are ready, and ends only when they have ended."""
    status = pod_status({"spec": {}}, containers, address="127.9.1.1", host="127.9.0.1", deleting=deleting)
    conditions = {each["type"]: each["status"] for each in status["conditions"]}

    assert (status["phase"], conditions["Ready"], conditions["ContainersReady"]) == (phase, ready, ready)


GATE = {"readinessGates": [{"conditionType": "shop/routed"}]}


@pytest.mark.parametrize(
    ("others", "containers", "ready", "reason", "message"),
    [
        (
            [],
            [state()],
            "False",
            "ReadinessGatesNotReady",
            'corresponding condition of pod readiness gate "shop/routed"',
        ),
        (["False"], [state()], "False", "ReadinessGatesNotReady", '"shop/routed" is not "True", but False'),
        (["True"], [state()], "True", None, ""),
        (["True"], [state(ready=False)], "False", "ContainersNotReady", "containers with unready status: [c]"),
        (["False"], [state(ready=False)], "False", "ContainersNotReady", "containers with unready status: [c]"),
    ],
)
def test_a_readiness_gate_keeps_a_pod_from_being_ready(
    others: list[str], containers: list[ContainerState], ready: str, reason: str | None, message: str
) -> None:
    """The pod is ready if its containers are and each gate is True; the containers have their own condition."""
    foreign = [{"type": "shop/routed", "status": each} for each in others]
    pod: Object = {"spec": GATE, "status": {"conditions": foreign}}
    status = pod_status(pod, containers, address="127.9.1.1", host="127.9.0.1", deleting=False)
    found = {each["type"]: each for each in status["conditions"]}

    assert (found["Ready"]["status"], found["Ready"].get("reason")) == (ready, reason)
    assert message in found["Ready"].get("message", "")
    assert found["ContainersReady"]["status"] == str(containers[0].ready)
    assert [each for each in status["conditions"] if each["type"] == "shop/routed"] == foreign


def test_unchanged_conditions_keep_their_time() -> None:
    """Only a changed condition gets a new lastTransitionTime."""
    pod: Object = {"spec": {}}
    pod["status"] = pod_status(pod, [state(ready=False)], address="127.9.1.1", host="h", deleting=False)
    for each in pod["status"]["conditions"]:
        each["lastTransitionTime"] = "2026-01-01T00:00:00Z"

    later = pod_status(pod, [state()], address="127.9.1.1", host="h", deleting=False)
    kept = {each["type"] for each in later["conditions"] if each["lastTransitionTime"] == "2026-01-01T00:00:00Z"}

    assert kept == {"PodReadyToStartContainers", "Initialized", "PodScheduled"}


def listen(address: str) -> socket.socket:
    """Open a listening socket of this process."""
    return socket.create_server((address, 0))


@contextmanager
def other_process() -> Iterator[int]:
    """Yield the PID of another process, which does not listen."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.mark.processes
def test_a_listener_belongs_to_the_process_that_opened_it() -> None:
    """Other processes, closed ports and wildcard listeners do not count."""
    with (
        take_block() as held,
        listen(held.block.pod_address(1)) as ours,
        listen("0.0.0.0") as wildcard,
        other_process() as other,
    ):
        address, port = ours.getsockname()

        assert owns_listener(os.getpid(), address, port)
        assert not owns_listener(other, address, port)
        assert not owns_listener(os.getpid(), address, wildcard.getsockname()[1])


@pytest.mark.processes
def test_a_probe_answered_by_another_process_fails() -> None:
    """An orphan on the pod's address must not make the pod ready."""

    async def scenario(container: int, address: str, port: int) -> None:
        target = RunningContainer(Process(container), {}, address, {}, shell=False, verified_ports=set())
        async with aiohttp.ClientSession() as session:
            handlers: Any = HandlerRunner
            await handlers(None, session).run({"tcpSocket": {"port": port}}, target)

    with (
        take_block() as held,
        listen(held.block.pod_address(1)) as orphan,
        other_process() as container,
        pytest.raises(HandlerFailedError, match="does not belong to this container"),
    ):
        asyncio.run(scenario(container, *orphan.getsockname()))


def test_an_http_probe_sends_its_path_and_headers() -> None:
    """It resolves a named port, a path without slash and headers. The container owns the listener, so it succeeds."""
    heads = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def scenario(address: str) -> set[int]:
        server = await asyncio.start_server(answer, address, 0)
        port = server.sockets[0].getsockname()[1]
        spec = {"ports": [{"name": "http", "containerPort": port}]}
        target = RunningContainer(Process(os.getpid()), spec, address, {}, shell=False, verified_ports=set())
        get = {"path": "healthz", "port": "http", "httpHeaders": [{"name": "X-Custom", "value": "Awesome"}]}
        handlers: Any = HandlerRunner
        async with server, aiohttp.ClientSession() as session:
            await handlers(None, session).run({"httpGet": get}, target)
        return {port} - target.verified_ports

    with take_block() as held:
        assert asyncio.run(scenario(held.block.pod_address(1))) == set()
    assert heads[0].startswith("GET /healthz HTTP/1.1\r\n")
    assert "X-Custom: Awesome\r\n" in heads[0]


def test_a_hook_succeeds_with_any_answer() -> None:
    """A hook's answer of 500 is a success, and its client calls itself by another name than a probe's."""
    heads = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def scenario(address: str) -> None:
        server = await asyncio.start_server(answer, address, 0)
        port = server.sockets[0].getsockname()[1]
        target = RunningContainer(Process(os.getpid()), {}, address, {}, shell=False, verified_ports=set())
        handlers: Any = HandlerRunner
        async with server, aiohttp.ClientSession() as session:
            await handlers(None, session).run({"httpGet": {"port": port}}, target, hook=True)
            with pytest.raises(HandlerFailedError):
                await handlers(None, session).run({"tcpSocket": {"port": port}}, target, hook=True)

    with take_block() as held:
        asyncio.run(scenario(held.block.pod_address(1)))
    assert "User-Agent: kube-lifecycle/1.34\r\n" in heads[0]


@pytest.mark.parametrize("kind", ["httpGet", "tcpSocket"])
def test_a_refused_connection_has_the_real_message(kind: str) -> None:
    """A probe of a closed port fails with the message of a real kubelet."""

    async def scenario() -> None:
        target = RunningContainer(Process(os.getpid()), {}, "127.0.0.1", {}, shell=False, verified_ports=set())
        handlers: Any = HandlerRunner
        async with aiohttp.ClientSession() as session:
            await handlers(None, session).run({kind: {"port": 9}}, target)

    with pytest.raises(HandlerFailedError, match=r"dial tcp 127\.0\.0\.1:9: connect: connection refused$"):
        asyncio.run(scenario())


@pytest.mark.parametrize(("status", "ok"), [(200, True), (302, False), (399, False), (400, False), (503, False)])
def test_an_http_probe_succeeds_below_400(status: int, ok: bool) -> None:
    """Redirects are followed, so one that goes in a circle fails."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} X\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()

    async def scenario(address: str) -> bool:
        server = await asyncio.start_server(answer, address, 0)
        port = server.sockets[0].getsockname()[1]
        target = RunningContainer(Process(os.getpid()), {}, address, {}, shell=False, verified_ports=set())
        handlers: Any = HandlerRunner
        async with server, aiohttp.ClientSession() as session:
            try:
                await handlers(None, session).run({"httpGet": {"port": port}}, target)
            except HandlerFailedError:
                return False
            return True

    with take_block() as held:
        assert asyncio.run(scenario(held.block.pod_address(1))) is ok


def test_a_hook_cannot_signal_the_machines_init_process() -> None:
    """``kill 1`` means the container's process in a real container; here it would reach the machine's init process."""

    async def scenario(command: list[str]) -> None:
        target = RunningContainer(Process(os.getpid()), {}, "", {}, shell=True, verified_ports=set())
        handlers: Any = HandlerRunner
        await handlers(None, None).run({"exec": {"command": command}}, target)

    for command in (["kill", "1"], ["sh", "-c", "sleep 1; kill -QUIT 1"], ["bash", "-c", "kill -s TERM 1 && true"]):
        with pytest.raises(HandlerFailedError, match="process 1"):
            asyncio.run(scenario(command))


@pytest.mark.parametrize(
    ("cluster", "name"),
    [
        ("graceful--rolling-update", "graceful-rolling-update"),
        ("graceful+two--rolling-update", "graceful-two-rolling-update"),
        ("Größe_1", "gr-e-1"),
        ("+", "node"),
    ],
)
def test_a_node_has_a_valid_name_whatever_the_cluster_is_called(cluster: str, name: str) -> None:
    """A cell of two axes has a plus sign in its name, which no node may have."""
    assert node_name(cluster) == name


def test_a_node_name_is_no_longer_than_a_label() -> None:
    """Cells may have long names; the node's name is also the value of a label."""
    assert len(node_name("x" * 200)) == 63
    assert not node_name(f"{'x' * 62}-{'y' * 10}").endswith("-")
