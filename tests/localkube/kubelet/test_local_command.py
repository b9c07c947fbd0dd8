"""Commands that run in place of images: their arguments, their environment, their end, and what they may not share."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psutil
import pytest

from harness.kube.fieldclasses import REFUSED
from harness.localkube.addresses import AddressBlock
from harness.localkube.apps.programs import MARK, first_process_ignores, kill_marked
from harness.localkube.commands import LocalCommand, variables_of
from harness.localkube.fields import CLASSIFIER
from harness.localkube.kubelet.handlers import HandlerFailedError, HandlerRunner, RunningContainer
from harness.localkube.kubelet.listeners import listening_ports, owns_listener
from harness.localkube.kubelet.local_command import (
    ListenerWatch,
    RecentListeners,
    own_environment,
    signalling_program,
)
from harness.localkube.kubelet.models import ANNOTATION, StandInModel, encode
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import EVENTS, NODES, PODS
from harness.localkube.settings import NodeSettings

if TYPE_CHECKING:
    import aiohttp

    from harness.localkube.kubelet.runtime import Process, Runtime

OnCluster = Callable[..., Any]
SHOP = "registry.example/shop:1.2"

#: A server that answers its environment as JSON. Its arguments are its address and port, and what it does at SIGTERM.
SERVER = """\
import http.server, json, os, signal, socketserver, subprocess, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}
        body = json.dumps({**body, "detached": detached and detached.pid}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

host, port, at_end = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if at_end.isdigit():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(int(at_end)))
detached = None
if at_end == "detaches":
    child = "import signal; print(flush=True); signal.pause()"
    detached = subprocess.Popen([sys.executable, "-c", child], start_new_session=True, stdout=subprocess.PIPE)
    detached.stdout.readline()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("serving", flush=True)
# Unlike HTTPServer, it asks for no name of its address, and one silent client does not keep the others waiting.
class Server(socketserver.ThreadingTCPServer):
    daemon_threads, request_queue_size = True, 128

Server((host, port), Handler).serve_forever()
"""


#: Answers each request on a connection that it closes first; it listens without SO_REUSEADDR.
RIGID = """
import socket, sys
listener = socket.socket()
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
while True:
    connection = listener.accept()[0]
    if connection.recv(4000):
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    connection.close()
"""


def server(folder: Path, *args: str) -> LocalCommand:
    """Return a command that runs the server."""
    (folder / "server.py").write_text(SERVER)
    return LocalCommand(str(folder), (sys.executable, "server.py", *args))


def pod_with(command: LocalCommand, **container: Any) -> dict[str, Any]:
    """Return what a Deployment of a command needs: its container, and the models of its pods."""
    one = {"image": SHOP, "args": ["--verbose"], "ports": [{"containerPort": 5678}], **container}
    template = {"annotations": {ANNOTATION: encode({"*": StandInModel(command=command.id)})}}
    return {"container": one, "template": template}


async def deploy(cluster: Any, command: LocalCommand, **container: Any) -> None:
    """Create a Deployment of a command."""
    made = pod_with(command, **container)
    await cluster.deploy(container=made["container"], annotations=made["template"]["annotations"])


def test_placeholders_are_replaced() -> None:
    """A dollar sign that begins no name stays, and the container's arguments go where the user wants them."""
    command = LocalCommand("/", ("/shop", "--port=$PORT", "${POD_IP}:$PORT", "$$PORT", "^/$", "$ARGS"))

    line = command.line(["-v", "$PORT"], {"PORT": "80", "POD_IP": "127.1.2.3"})

    assert line == ["/shop", "--port=80", "127.1.2.3:80", "$PORT", "^/$", "-v", "$PORT"]
    assert list(variables_of(command.argv)) == ["PORT", "POD_IP", "PORT"]


def test_a_variable_that_is_not_set_is_an_error() -> None:
    """An empty argument would start the program in another way."""
    with pytest.raises(ValueError, match="variable DATABASE of '--db=\\$DATABASE' is not set"):
        LocalCommand("/", ("/shop", "--db=$DATABASE")).line([], {})


def test_a_command_is_known_by_its_content() -> None:
    """Two files with the same pattern have different commands."""
    one, other = LocalCommand("/a", ("/a/shop",)), LocalCommand("/b", ("/a/shop",))

    assert one.id == LocalCommand("/a", ("/a/shop",)).id
    assert one.id != other.id
    assert (one.shown, other.shown) == ("./shop", "/a/shop")


def test_the_first_port_is_the_port() -> None:
    """A container without ports has none."""
    assert own_environment("127.1.2.3", (80, 81))["PORT"] == "80"
    assert "PORT" not in own_environment("127.1.2.3", ())


def test_settings_are_read_as_written(tmp_path: Path) -> None:
    """The process of the cluster gets the commands in the file of its settings."""
    command = LocalCommand("/a", ("/a/shop", "$PORT"))
    settings = NodeSettings(
        name="a", directory=tmp_path, block=AddressBlock(3), profile="kind", seed=1, ingress="none", nginx=None,
        commands={command.id: command},
    )  # fmt: skip
    settings.write(tmp_path / "config.json")

    assert NodeSettings.read(tmp_path / "config.json") == settings


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["kill", "-TERM", "1"], "kill"),
        (["sh", "-c", "sleep 5 && pkill shop"], "pkill"),
        (["/usr/bin/killall", "shop"], "killall"),
        (["sh", "-c", "echo skill; sleep 5"], ""),
        (["cat", "/tmp/kill.txt"], ""),
    ],
)
def test_programs_that_would_signal_the_machine_are_found(command: list[str], expected: str) -> None:
    """A hook of a chart must not end processes of the user."""
    assert signalling_program(command) == expected


def test_the_kubelet_executes_no_program_that_would_signal_the_machine() -> None:
    """A pod that is applied with kubectl is checked by nothing else."""
    runner = HandlerRunner(cast("Runtime", None), cast("aiohttp.ClientSession", None))
    model = StandInModel(command="abc")
    target = RunningContainer(
        cast("Process", None), {}, "127.1.2.3", {}, shell=True, verified_ports=set(), model=model, folder="/"
    )

    with pytest.raises(HandlerFailedError, match="pkill is not executed: it would signal processes of this machine"):
        asyncio.run(runner.run({"exec": {"command": ["pkill", "shop"]}}, target, hook=True))


def refused(container: Object, pod: Object | None = None, model: StandInModel | None = None) -> list[str]:
    """Return the fields of a Deployment with a command that the cluster rejects."""
    annotations = {ANNOTATION: encode({"*": model or StandInModel(command="abc")})}
    template = {
        "metadata": {"labels": {"app": "shop"}, "annotations": annotations},
        "spec": {"containers": [{"name": "shop", "image": SHOP, **container}], **(pod or {})},
    }
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": template},
    }
    found = CLASSIFIER.classify(made, "ingress-nginx", [made])
    return [each.field.removeprefix("spec.template.spec.") for each in found if each.found in REFUSED]


RESOURCE: Object = {"env": [{"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]}


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"lifecycle": {"preStop": {"exec": {"command": ["nginx", "-s", "quit"]}}}}, ""),
        ({"readinessProbe": {"httpGet": {"port": 9090}}}, ""),
        ({"readinessProbe": {"grpc": {"port": 9090}}}, ""),
        ({"lifecycle": {"preStop": {"exec": {"command": ["kill", "1"]}}}}, "containers.lifecycle.preStop.exec"),
        (RESOURCE, "containers.env.valueFrom.resourceFieldRef"),
    ],
)
def test_a_real_program_has_classes_of_its_own(container: Object, field: str) -> None:
    """It has its own hooks and ports, and reads the variables that a stand-in ignores."""
    assert refused(container) == [field] * bool(field)
    assert field != "containers.env.valueFrom.resourceFieldRef" or refused(container, model=StandInModel()) == []


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_listeners_of_both_families_are_found(family: socket.AddressFamily) -> None:
    """Java listens with sockets of IPv6 at addresses of IPv4."""
    address = "127.0.0.77"
    with socket.socket(family) as listener:
        listener.bind((address if family == socket.AF_INET else f"::ffff:{address}", 0))
        listener.listen()
        port = listener.getsockname()[1]

        assert listening_ports(address) == {port}
        assert owns_listener(os.getpid(), address, port)
        assert f"{address}:{port}" not in ListenerWatch(os.getpid(), address).look()[0]
        assert f"{address}:{port}" in ListenerWatch(os.getpid(), "127.0.0.78").look()[0]


@pytest.mark.parametrize(
    ("host", "family", "where"), [("0.0.0.0", socket.AF_INET, 0), ("::", socket.AF_INET6, 0), ("127.0.0.1", 2, 1)]
)
def test_shared_listeners_are_distinguished_from_those_of_the_machine(host: str, family: int, where: int) -> None:
    """A listener at all addresses answers for every pod, one at the loopback address does not."""
    with socket.socket(socket.AddressFamily(family)) as listener:
        listener.bind((host, 0))
        listener.listen()

        watch = ListenerWatch(os.getpid(), "127.0.0.77")
        found = watch.look()

        assert watch.look() == watch.look() == found
        assert f"{host}:{listener.getsockname()[1]}" in found[where]
        assert f"{host}:{listener.getsockname()[1]}" not in found[1 - where]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("before", "ignored"),
    [
        ("", True),
        ("signal.signal(signal.SIGTERM, lambda *_: None)", False),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])", False),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", True),
    ],
)
def test_a_signal_without_a_handler_has_no_effect_on_a_first_process(before: str, ignored: bool) -> None:
    """It would end the process outside of a container."""
    code = f"import signal, sys; {before}; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()

        assert first_process_ignores(process.pid, signal.SIGTERM) is ignored
        assert not first_process_ignores(process.pid, signal.SIGKILL)


@pytest.mark.processes
def test_marked_processes_are_killed_and_no_others() -> None:
    """A container ends with all its processes, wherever they have gone."""
    argv = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen(argv, env={MARK: "a"}, start_new_session=True, **pipes) as marked,
        subprocess.Popen(argv, env={MARK: "ab"}, start_new_session=True, **pipes) as other,
    ):
        for process in (marked, other):
            assert process.stdout is not None
            process.stdout.readline()

        kill_marked("a")

        assert marked.wait() == -signal.SIGKILL
        assert other.poll() is None


@pytest.mark.processes
def test_a_command_runs_with_the_variables_of_its_pod(on_cluster: OnCluster, tmp_path: Path) -> None:
    """Its probe is answered by itself, its log is the container's, and its exit code is reported."""
    command = server(tmp_path, "$POD_IP", "$PORT", "3", "$COLOR", "$ARGS")
    env = [{"name": "COLOR", "value": "red"}, {"name": "BOTH", "value": "$(COLOR)-$(POD_IP)"}]

    async def scenario(cluster: Any) -> tuple[Object, str, int, Object]:
        probe = {"httpGet": {"port": 5678}, "periodSeconds": 1}
        await deploy(cluster, command, env=env, readinessProbe=probe)
        pod = await cluster.ready_pod()
        answer = json.loads(await cluster.ask(pod))
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=30)

        def ended(pods: list[Object]) -> Object | None:
            found = [each for each in pods if each["metadata"]["uid"] == pod["metadata"]["uid"]]
            states = [s["state"] for each in found for s in each["status"]["containerStatuses"]]
            return next((each["terminated"] for each in states if "terminated" in each), None)

        end = await cluster.until(PODS, ended)
        log = next((cluster.settings.directory / "logs" / "pods").glob(f"*_{pod['metadata']['name']}_*")).read_text()
        return answer, pod["status"]["podIP"], end["exitCode"], log

    answer, address, code, log = on_cluster(scenario, commands=(command,))

    assert answer["argv"] == [address, "5678", "3", "red", "--verbose"]
    assert answer["cwd"] == str(tmp_path)
    assert answer["env"]["BOTH"] == f"red-{address}"
    assert "PYTEST_CURRENT_TEST" not in answer["env"]
    assert code == 3
    assert "serving" in log


@pytest.mark.processes
def test_a_command_without_a_handler_serves_until_sigkill(on_cluster: OnCluster, tmp_path: Path) -> None:
    """The kernel drops SIGTERM for the first process of a container; its exit code is that of SIGKILL."""
    command = server(tmp_path, "$POD_IP", "$PORT", "none")

    async def scenario(cluster: Any) -> int:
        await deploy(cluster, command)
        pod = await cluster.ready_pod()
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=2)

        def ended(pods: list[Object]) -> Object | None:
            found = [each for each in pods if each["metadata"]["uid"] == pod["metadata"]["uid"]]
            states = [s["state"] for each in found for s in each["status"]["containerStatuses"]]
            return next((each["terminated"] for each in states if "terminated" in each), None)

        code: int = (await cluster.until(PODS, ended))["exitCode"]
        return code

    assert on_cluster(scenario, commands=(command,)) == 128 + signal.SIGKILL


@pytest.mark.processes
def test_processes_that_detached_themselves_end_with_their_container(on_cluster: OnCluster, tmp_path: Path) -> None:
    """One that stayed would answer at the address of a pod that is gone."""
    command = server(tmp_path, "$POD_IP", "$PORT", "detaches")

    async def scenario(cluster: Any) -> tuple[bool, bool]:
        await deploy(cluster, command)
        pod = await cluster.ready_pod()
        await cluster.until_port("connected", pod, 5678)
        detached = psutil.Process(json.loads(await cluster.ask(pod))["detached"])
        ran = detached.is_running()
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=30)
        await cluster.gone(pod)
        return ran, detached.is_running() and detached.status() != psutil.STATUS_ZOMBIE

    assert on_cluster(scenario, commands=(command,)) == (True, False)


@pytest.mark.processes
def test_the_address_that_a_command_keeps_drops_connections_or_is_reported(
    on_cluster: OnCluster, tmp_path: Path
) -> None:
    """The command listens without SO_REUSEADDR. If the kubelet can't take over its address, the node says so."""
    (tmp_path / "rigid.py").write_text(RIGID)
    command = LocalCommand(str(tmp_path), (sys.executable, "rigid.py", "$POD_IP", "$PORT"))

    def has_no_network(nodes: list[Object]) -> bool:
        conditions = [each for node in nodes for each in node["status"]["conditions"]]
        return any(each["type"] == "NetworkUnavailable" and each["status"] == "True" for each in conditions)

    async def scenario(cluster: Any) -> tuple[str, bool]:
        await deploy(cluster, command, readinessProbe={"httpGet": {"port": 5678}, "periodSeconds": 1})
        pod = await cluster.ready_pod()
        await cluster.ask(pod)
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=1)
        await cluster.gone(pod)
        port = await cluster.probe_port(pod)
        return port, port == "no answer" or await cluster.until(NODES, has_no_network)

    port, is_right = on_cluster(scenario, commands=(command,))

    assert port in {"no answer", "refused"}
    assert is_right


@pytest.mark.processes
def test_a_command_at_all_addresses_is_refused(on_cluster: OnCluster, tmp_path: Path) -> None:
    """It would answer for every other pod, and for those that are gone."""
    command = server(tmp_path, "0.0.0.0", "$PORT", "0")
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]

    async def scenario(cluster: Any) -> Object:
        await deploy(cluster, command, ports=[{"containerPort": port}])

        def waiting(pods: list[Object]) -> Object | None:
            states = [s["state"] for each in pods for s in each.get("status", {}).get("containerStatuses") or ()]
            return next((each["waiting"] for each in states if "message" in each.get("waiting", {})), None)

        found: Object = await cluster.until(PODS, waiting)
        return found

    found = on_cluster(scenario, commands=(command,))

    assert found["reason"] == "CreateContainerConfigError"
    assert f"listens at 0.0.0.0:{port}, which all pods of the embedded cluster share" in found["message"]
    assert "$POD_IP" in found["message"]


@pytest.mark.processes
def test_a_manifest_cannot_bring_a_command_along(on_cluster: OnCluster, tmp_path: Path) -> None:
    """A pod may name only what the settings have."""
    command = server(tmp_path, "$POD_IP", "$PORT", "0")

    async def scenario(cluster: Any) -> Object:
        await deploy(cluster, command)

        def waiting(pods: list[Object]) -> Object | None:
            states = [s["state"] for each in pods for s in each.get("status", {}).get("containerStatuses") or ()]
            return next((each["waiting"] for each in states if "message" in each.get("waiting", {})), None)

        found: Object = await cluster.until(PODS, waiting)
        return found

    found = on_cluster(scenario)

    assert found["reason"] == "CreateContainerConfigError"
    assert f"the Experiment has no command {command.id}" in found["message"]


@pytest.mark.processes
def test_hooks_of_a_command_run_and_cannot_change_the_machine(on_cluster: OnCluster, tmp_path: Path) -> None:
    """A chart's hook that removes files must not reach those of the user."""
    command = server(tmp_path, "$POD_IP", "$PORT", "0")
    kept, outside = tmp_path / "kept", tmp_path / "made"
    kept.write_text("x")

    async def scenario(cluster: Any) -> list[str]:
        script = f"rm -f {kept}; touch {outside}; exit 7"
        hook = {"postStart": {"exec": {"command": ["sh", "-c", script]}}}
        await deploy(cluster, command, lifecycle=hook)

        def failed(events: list[Object]) -> list[str]:
            return [each["message"] for each in events if each["reason"] == "FailedPostStartHook"]

        found: list[str] = await cluster.until(EVENTS, failed)
        return found

    found = on_cluster(scenario, commands=(command,))

    assert "7" in found[0]
    assert kept.exists()
    assert not outside.exists()


def test_a_listener_that_comes_later_is_found() -> None:
    """A listener from before is not the command's, and is not looked at again."""
    with socket.create_server(("0.0.0.0", 0)) as others:
        watch = ListenerWatch(0, "127.0.0.77")
        for _ in range(3):
            assert f"0.0.0.0:{others.getsockname()[1]}" not in watch.look()[0]
    watch = ListenerWatch(os.getpid(), "127.0.0.77")
    for _ in range(3):
        watch.look()
    with socket.create_server(("0.0.0.0", 0)) as own:
        assert f"0.0.0.0:{own.getsockname()[1]}" in watch.look()[0]


def test_a_reading_of_the_listeners_serves_for_a_while() -> None:
    """All commands of a node share a reading, and a later one finds what is new."""
    now = 7.0
    recent = RecentListeners(lambda: now)
    before = recent.get()
    with socket.create_server(("127.0.0.77", 0)) as new:
        port = new.getsockname()[1]
        assert recent.get() is before
        now += 1
        assert ("127.0.0.77", port) in {(each.address, each.port) for each in recent.get()}
