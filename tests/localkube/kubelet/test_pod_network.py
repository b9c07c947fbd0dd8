"""A pod's port refuses after its container has ended, and gets no answer once the pod's network is removed."""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from cluster_report import PATIENCE

from harness.localkube import profiles
from harness.localkube.kubelet.black_hole import BlackHole
from harness.localkube.kubelet.listeners import listening_ports
from harness.localkube.kubelet.local_command import ListenerWatch
from harness.localkube.kubelet.network import PodNetwork
from harness.localkube.kubelet.node import Node
from harness.localkube.kubelet.reusable import PIDFD_GETFD, make_reusable
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import EVENTS, NODES, PODS

pytestmark = pytest.mark.processes

OnCluster = Callable[..., Any]
ADDRESS = "127.0.77.2"
#: An image with a shell, which a hook or probe with a command needs.
SHELL = {"image": "xds2000/nginx-hostname", "args": [], "env": [{"name": "NGINX_PORT", "value": "5678"}]}


@pytest.fixture
def black_hole() -> Iterator[BlackHole]:
    """Yield a black hole that is closed after the test."""
    made = BlackHole()
    yield made
    made.close()


def free_ports(count: int) -> list[int]:
    """Return unused ports of the address."""
    sockets = [socket.create_server((ADDRESS, 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def processes(pod: Object) -> list[psutil.Process]:
    """Return the main process of each container, in the order of the status."""
    return [psutil.Process(int(s["containerID"].rpartition("/")[2])) for s in pod["status"]["containerStatuses"]]


def bare_pod(*containers: Object, **spec: Any) -> Object:
    """Build a pod without an owner."""
    return {"metadata": {"name": "bare"}, "spec": {"containers": list(containers), **spec}}


def echo(name: str, port: int, **fields: Any) -> Object:
    """Build a container that listens on a port that it does not declare."""
    return {"name": name, "image": "hashicorp/http-echo:1.0", "args": [f"-listen=:{port}", f"-text={name}"], **fields}


def test_a_network_refuses_until_it_is_removed(black_hole: BlackHole, port_prober: Callable[[str, int], str]) -> None:
    """Declared and recorded ports get no answer after the removal; other ports keep refusing."""
    declared, listened, unused = free_ports(3)
    network = PodNetwork(ADDRESS, black_hole, [declared])
    with socket.create_server((ADDRESS, listened)):
        network.notice_listeners()

    before = [port_prober(ADDRESS, port) for port in (declared, listened, unused)]
    network.remove()
    after = [port_prober(ADDRESS, port) for port in (declared, listened, unused)]

    assert before == ["refused", "refused", "refused"]
    assert after == ["no answer", "no answer", "refused"]
    assert network.removed.is_set()


#: Listens without SO_REUSEADDR and closes each connection itself, which keeps its address and port for a minute.
RIGID = """
import socket, sys
listener = socket.socket()
listener.bind((sys.argv[1], 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
while True:
    connection = listener.accept()[0]
    connection.sendall(b"ok")
    connection.close()
"""


def shares_sockets() -> bool:
    """Return True if this kernel lets a process share the sockets of its children; some containers forbid it."""
    try:
        process = os.pidfd_open(os.getpid())
    except OSError:
        return False
    shared: int = ctypes.CDLL(None).syscall(PIDFD_GETFD, process, process, 0)
    os.close(process)
    if shared >= 0:
        os.close(shared)
    return shared >= 0


@contextmanager
def rigid_program() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Yield a program that listens without SO_REUSEADDR, and its port."""
    with subprocess.Popen([sys.executable, "-c", RIGID, ADDRESS], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            yield program, int(program.stdout.readline())
        finally:
            program.kill()


def ask(port: int) -> None:
    """Ask the program once; return after the program has closed the connection."""
    with socket.create_connection((ADDRESS, port)) as client:
        assert client.recv(10) == b"ok"
        assert client.recv(10) == b""


@pytest.mark.parametrize("reusable", [True, False])
def test_a_port_that_a_closed_connection_keeps_is_reported(
    black_hole: BlackHole, port_prober: Callable[[str, int], str], *, reusable: bool
) -> None:
    """Only if the kubelet could make the program's sockets reusable does the address drop connections."""
    with rigid_program() as (program, port):
        if reusable:
            make_reusable(program.pid)
        ask(port)
    network = PodNetwork(ADDRESS, black_hole, [port])

    kept = network.remove()

    taken_over = reusable and shares_sockets()
    assert (kept, port_prober(ADDRESS, port)) == (([], "no answer") if taken_over else ([port], "refused"))


def test_a_watch_of_listeners_makes_those_of_its_pod_reusable(black_hole: BlackHole) -> None:
    """The option is set from outside as soon as a listener of the pod's address is seen."""
    with rigid_program() as (program, port):
        ListenerWatch(program.pid, ADDRESS).look()
        ask(port)

    assert black_hole.add(ADDRESS, port) == shares_sockets()


@pytest.mark.parametrize(("ipv6", "expected"), [(True, "no answer"), (False, "refused")])
def test_sockets_of_ipv6_are_looked_for_only_if_a_program_may_use_them(
    black_hole: BlackHole, port_prober: Callable[[str, int], str], *, ipv6: bool, expected: str
) -> None:
    """A local command may listen at its IPv4 address with a socket of IPv6; the images of the cluster do not."""
    network = PodNetwork(ADDRESS, black_hole, ipv6=ipv6)
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind((f"::ffff:{ADDRESS}", 0))
        listener.listen()
        port = listener.getsockname()[1]
        network.notice_listeners()
    network.remove()

    assert port_prober(ADDRESS, port) == expected


def test_only_listeners_of_exactly_the_address_are_found() -> None:
    """Listeners of other addresses, wildcard listeners and connections are omitted."""
    with (
        socket.create_server((ADDRESS, 0)) as ours,
        socket.create_server(("127.0.77.3", 0)) as other,
        socket.create_server(("0.0.0.0", 0)) as wildcard,
        socket.create_connection(other.getsockname()) as client,
    ):
        found = listening_ports(ADDRESS)

        assert ours.getsockname()[1] in found
        assert not found & {each.getsockname()[1] for each in (other, wildcard, client)}


def test_an_ended_container_refuses_while_another_container_stops(on_cluster: OnCluster, tmp_path: Path) -> None:
    """While one container's preStop runs, the other's port refuses; afterwards both get no answer."""
    done = tmp_path / "hook-may-end"

    async def scenario(cluster: Any) -> tuple[list[str], list[str], Object]:
        hook = ["bash", "-c", f"until [ -e {done} ]; do sleep 0.05; done"]
        held = {"name": "held", **SHELL, "lifecycle": {"preStop": {"exec": {"command": hook}}}}
        pod = {"containers": [held, echo("free", 8080)], "terminationGracePeriodSeconds": 600}
        await cluster.deploy(pod=pod)
        pod = await cluster.ready_pod()
        _, free = processes(pod)
        await cluster.until_port("connected", pod, 5678, 8080)
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        await asyncio.to_thread(free.wait, PATIENCE)
        during = [await cluster.probe_port(pod, port) for port in (5678, 8080, 8080, 8080)]
        now = await cluster.client.get(PODS, pod["metadata"]["name"], "default")
        done.touch()
        await cluster.gone(pod)
        return during, [await cluster.probe_port(pod, port) for port in (5678, 8080)], now

    during, after, status = on_cluster(scenario)

    assert during == ["connected", "refused", "refused", "refused"]
    assert after == ["no answer", "no answer"]
    assert ["running" in each["state"] for each in status["status"]["containerStatuses"]] == [True, True]


#: Fields of a container that make it end, after which it is restarted.
ENDS: dict[str, Object] = {
    "crash": {},
    "liveness": {"livenessProbe": {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1}},
    "postStart": {**SHELL, "lifecycle": {"postStart": {"exec": {"command": ["false"]}}}},
}


@pytest.mark.parametrize("end", ENDS)
def test_a_container_that_waits_for_its_restart_refuses(on_cluster: OnCluster, stays_down: str, end: str) -> None:
    """The network exists as long as the pod; after the pod's deletion the port gets no answer."""

    async def scenario(cluster: Any) -> tuple[list[str], str]:
        await cluster.deploy(
            container={"ports": [{"containerPort": 5678}], **ENDS[end]}, pod={"terminationGracePeriodSeconds": 1}
        )
        if end == "crash":
            first = await cluster.ready_pod()
            await asyncio.to_thread(_kill, first)
            again = await cluster.until(PODS, lambda pods: next((p for p in pods if _restarts(p) and _runs(p)), None))
            await asyncio.to_thread(_kill, again)
        pod = await cluster.until(PODS, lambda pods: next((p for p in pods if _waits(p)), None))
        waiting = [await cluster.probe_port(pod) for _ in range(3)]
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        await cluster.gone(pod)
        return waiting, await cluster.probe_port(pod)

    waiting, gone = on_cluster(scenario, profile=stays_down)

    assert waiting == ["refused"] * 3
    assert gone == "no answer"


def _kill(pod: Object) -> None:
    for process in processes(pod):
        process.kill()


def _restarts(pod: Object) -> int:
    return sum(each["restartCount"] for each in pod.get("status", {}).get("containerStatuses") or [])


def _runs(pod: Object) -> bool:
    return all("running" in each["state"] for each in pod["status"]["containerStatuses"])


def _waits(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return any(each["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" for each in statuses)


def test_a_completed_pod_gets_no_answer_after_its_last_container(on_cluster: OnCluster) -> None:
    """With restartPolicy Never, the first ended container's port refuses; the second end removes the network.

    One port is declared, the other is recorded by its successful probe.
    """

    async def scenario(cluster: Any) -> tuple[list[str], str]:
        declared = {"ports": [{"containerPort": 8080}]}
        probed = {"readinessProbe": {"tcpSocket": {"port": 8081}, "periodSeconds": 1}}
        pod = bare_pod(echo("a", 8080, **declared), echo("b", 8081, **probed), restartPolicy="Never")
        await cluster.client.create(PODS, pod, "default")
        pod = await cluster.ready_pod()
        await cluster.until_port("connected", pod, 8080, 8081)
        first, second = processes(pod)
        first.terminate()
        await cluster.until(PODS, lambda pods: any("terminated" in s["state"] for s in _statuses(pods)))
        one_ended = [await cluster.probe_port(pod, port) for port in (8080, 8081)]
        second.terminate()
        done = await cluster.until(
            PODS, lambda pods: next((p for p in pods if p["status"]["phase"] != "Running"), None)
        )
        await cluster.until_port("no answer", pod, 8080, 8081)
        return one_ended, done["status"]["phase"]

    one_ended, phase = on_cluster(scenario)

    assert one_ended == ["refused", "connected"]
    assert phase == "Succeeded"


def _statuses(pods: list[Object]) -> list[Object]:
    return [status for pod in pods for status in pod["status"].get("containerStatuses") or []]


def test_a_pod_refuses_from_its_end_to_the_removal_of_its_network(
    on_cluster: OnCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profile sets the time between the two; here it is longer than any test. Its object stays as long."""
    profile = dataclasses.replace(profiles.PROFILES["instant"], network=profiles.Delay(3600))
    monkeypatch.setattr(profiles, "PROFILES", {"slow-network": profile})

    async def scenario(cluster: Any) -> tuple[str, str]:
        await cluster.deploy(container={"ports": [{"containerPort": 5678}]})
        pod = await cluster.ready_pod()
        (process,) = processes(pod)
        await cluster.until_port("connected", pod, 5678)
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        await asyncio.to_thread(process.wait, PATIENCE)
        ended = await cluster.probe_port(pod)
        return ended, (await cluster.client.get(PODS, pod["metadata"]["name"], "default"))["metadata"]["uid"]

    ended, uid = on_cluster(scenario, profile="slow-network")

    assert ended == "refused"
    assert uid


def test_established_connections_end_with_their_process(on_cluster: OnCluster) -> None:
    """The ending process closes or resets a connection; its client does not wait for the removal of the network."""

    async def scenario(cluster: Any) -> tuple[bytes, bytes]:
        await cluster.deploy(pod={"terminationGracePeriodSeconds": 600})
        pod = await cluster.ready_pod()
        await cluster.until_port("connected", pod, 5678)
        reader, writer = await asyncio.open_connection(pod["status"]["podIP"], 5678)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await reader.readuntil(b"\n\r\n")
        await reader.readuntil(b"apple-v1\n")
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default")
        try:
            rest = await reader.read()
        except ConnectionResetError:
            rest = b""
        writer.close()
        return answer, rest

    answer, rest = on_cluster(scenario)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert rest == b""


def test_a_pod_whose_address_is_kept_is_reported_by_the_node(
    on_cluster: OnCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pod has an Event that names the address, and the node stays ready."""
    monkeypatch.setattr(BlackHole, "add", lambda *_: False)

    async def scenario(cluster: Any) -> tuple[Object, dict[str, str], Object]:
        await cluster.client.create(PODS, bare_pod(echo("a", 8080, ports=[{"containerPort": 8080}])), "default")
        pod = await cluster.ready_pod()
        await cluster.client.delete(PODS, "bare", "default", grace=1)
        conditions = await cluster.until(NODES, unavailable)
        event = await cluster.until(
            EVENTS, lambda events: next((e for e in events if e["reason"] == "NetworkNotRemoved"), None)
        )
        return pod, conditions, event

    pod, conditions, event = on_cluster(scenario)

    assert conditions == {"Ready": "True", "NetworkUnavailable": "True"}
    assert event["involvedObject"]["uid"] == pod["metadata"]["uid"]
    assert f"{pod['status']['podIP']}:8080" in event["message"]


def unavailable(nodes: list[Object]) -> dict[str, str] | None:
    """Return the conditions of the node once it has no network."""
    conditions = {each["type"]: each["status"] for node in nodes for each in node["status"]["conditions"]}
    return conditions if conditions.get("NetworkUnavailable") == "True" else None


def test_each_kept_address_is_a_change_of_the_condition() -> None:
    """A run that shares its cluster with an earlier one sees its own."""
    written: list[str] = []
    complete = asyncio.Event()

    class Client:
        async def patch(self, _: object, name: str, __: None, body: Object, **how: str) -> None:
            assert (name, how) == ("node", {"strategy": "strategic", "subresource": "status"})
            written.extend(each["status"] for each in body["status"]["conditions"])
            if len(written) == 4:
                complete.set()

    class Recorder:
        async def event(self, *_: object) -> None:
            """Do nothing."""

    async def main() -> None:
        nothing = cast("Any", None)
        parts = (nothing, profiles.PROFILES["instant"], nothing, nothing, nothing, nothing)
        node = Node("node", cast("Any", Client()), *parts, cast("Any", Recorder()), nothing)
        for name in ("a", "b"):
            node.report_kept({"metadata": {"name": name}}, ADDRESS, [80])
        async with asyncio.timeout(PATIENCE):
            await complete.wait()
        await node.close()

    asyncio.run(main())

    assert written == ["False", "True", "False", "True"]
