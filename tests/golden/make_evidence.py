"""Make the golden run directories with the harness of a checkout; ``README.md`` in this folder says how and when.

The program is used through its command line alone, so this file does not depend on the modules of the harness.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import trustme
import yaml
from kubernetes import client, config, utils

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "experiments"
#: Seconds that any single step may take.
PATIENCE = 300.0
NAMESPACE = "web"
CLUSTER = "shop"


@dataclass(frozen=True)
class Maker:
    """Make run directories below a folder.

    Attributes:
        harness: The program.
        out: Gets one folder per run; relative, so that no path of a machine is in the evidence.
    """

    harness: str
    out: Path

    def start(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """Start a command of the harness."""
        sys.stderr.write(f"+ harness {shlex.join(map(str, words))}\n")
        return subprocess.Popen([self.harness, *map(str, words)], start_new_session=True)

    def run(self, *words: str | Path) -> int:
        """Run a command of the harness and return its exit code."""
        return self.start(*words).wait()

    def keep(self, codes: Mapping[str, int]) -> None:
        """Add exit codes, by the name of the run, to those that are known."""
        path = self.out / "codes.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps({**known, **codes}, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def said(self, *words: str) -> str:
        """Run a command of the harness and return what it printed.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        return subprocess.run([self.harness, *words], stdout=subprocess.PIPE, text=True, check=True).stdout

    def experiment(self, name: str, *words: str | Path) -> tuple[str | Path, ...]:
        """Return the words that run an Experiment of this folder."""
        return ("run", f"experiments/{name}.yaml", "--out", self.out / name, *words)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: It did not hold in time.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)


def events(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file of JSON lines; nothing where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()]


def wait_for_phase(trial: Path, phase: str, run: subprocess.Popen[bytes]) -> None:
    """Wait until a trial's timeline says that a phase began."""

    def begun() -> bool:
        if run.poll() is not None:
            raise RuntimeError(f"the run ended before {phase} of {trial}")
        return any((e["kind"], e["subject"]) == ("phase", phase) for e in events(trial / "timeline.jsonl"))

    wait_until(begun, f"{phase} of {trial}")


@contextmanager
def standing_still(run: subprocess.Popen[bytes], *words: str, seconds: float) -> Iterator[None]:
    """Stop processes below a run whose command line has one of these words, and continue them after some seconds."""
    below = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    chosen = [p for p in below if any(word in " ".join(p.cmdline()) for word in words)]
    if not chosen:
        raise RuntimeError(f"no process has any of {words}")
    for process in chosen:
        process.suspend()
    try:
        time.sleep(seconds)
        yield
    finally:
        for process in chosen:
            process.resume()


def make_plain(maker: Maker, name: str, *words: str) -> int:
    """Run an Experiment to its end."""
    return maker.run(*maker.experiment(name, *words))


def make_stopped(maker: Maker) -> int:
    """Stop a run by Ctrl-C in its second trial."""
    run = maker.start(*maker.experiment("stopped", "--parallel", "1"))
    trials = maker.out / "stopped" / "trials"

    def having(phase: str) -> int:
        lines = (events(path) for path in trials.glob("*/1/timeline.jsonl"))
        return sum(any((e["kind"], e["subject"]) == ("phase", phase) for e in each) for each in lines)

    # The harness decides which trial is first.
    wait_until(lambda: having("done") == 1 and having("change") == 2, "the second trial")
    run.send_signal(signal.SIGINT)
    return run.wait()


def make_disturbed(maker: Maker) -> int:
    """Stop nginx in a control and in a baseline, and the sender in a change."""
    run = maker.start(*maker.experiment("disturbed", "--parallel", "1"))
    trials = maker.out / "disturbed" / "trials"
    wait_for_phase(trials / "entry--none" / "1", "change", run)
    with standing_still(run, "nginx:", seconds=1.5):
        pass
    wait_for_phase(trials / "entry--scale" / "1", "baseline", run)
    with standing_still(run, "nginx:", seconds=1.5):
        pass
    wait_for_phase(trials / "sender--scale" / "1", "change", run)
    with standing_still(run, "-m locust", seconds=1.5):
        pass
    return run.wait()


def make_worker_died(maker: Maker) -> int:
    """Kill one of two joined workers half way."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    run = maker.start(*maker.experiment("worker-died", "--expect-workers", "2", "--bind", address))
    workers = [maker.start("worker", "--join", address, "--wait", "120s", "--dir", f"worker-{n}") for n in (0, 1)]
    traffic = maker.out / "worker-died" / "trials" / "default--none" / "1" / "traffic"

    def of(kind: str) -> list[dict[str, Any]]:
        return [each for each in events(traffic / "traffic.jsonl") if each["event"] == kind]

    wait_until(lambda: bool(of("started")), "traffic to begin")
    time.sleep(5)
    os.kill(of("joined")[0]["pid"], signal.SIGKILL)
    code = run.wait()
    for worker in workers:
        worker.wait()
    return code


class Faulty:
    """Serve good answers, and one fault after another when asked to."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.fault = ""
        self._faults = faults
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def misbehave(self) -> None:
        """Do each fault for 0.4 s, with well-behaved time between them."""
        for fault in self._faults:
            time.sleep(1.2)
            self.fault = fault
            if fault == "refused":
                self._listener.close()
            time.sleep(0.4)
            if fault == "refused":
                self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
                threading.Thread(target=self._accept, daemon=True).start()
            self.fault = ""

    def _accept(self) -> None:
        listener = self._listener
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                if not self._answer(connection):
                    return

    def _answer(self, connection: socket.socket) -> bool:
        """Answer one request; return whether the connection stays."""
        good = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
        whole: Mapping[str, bytes] = {
            "": good,
            "status": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "wrong-answer": good.replace(b"ok\n", b"no\n"),
            "malformed": b"what?\r\n\r\n",
            "truncated": good[:-2],
            "closed": b"",
        }
        if self.fault == "refused":
            return False
        if self.fault == "timeout-response":
            time.sleep(1.5)
            return False
        if self.fault == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        fault = self.fault
        connection.sendall(whole[fault])
        return fault not in {"malformed", "truncated", "closed"}


def make_watch(maker: Maker) -> int:
    """Watch a server that answers well."""
    server = Faulty(())
    url = f"http://127.0.0.1:{server.port}/"
    return maker.run("watch", url, "--rate", "20", "--for", "3s", "--out", maker.out / "watch", "--json")


def make_outages(maker: Maker) -> int:
    """Watch four origins: one with each fault in turn, a full backlog, a certificate nobody trusts, nobody at all."""
    server = Faulty(
        ("status", "refused", "reset", "closed", "truncated", "timeout-response", "wrong-answer", "malformed")
    )
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    tls = _tls_server()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    urls = [f"http://127.0.0.1:{port}/" for port in (server.port, full.getsockname()[1], closed)]
    words = ("--rate", "60", "--for", "15s", "--timeout", "500ms", "--expect-body", "ok", "--method", "GET,POST")
    run = maker.start(
        "watch", *urls, f"https://127.0.0.1:{tls}/", *words, "--out", maker.out / "watch-outages", "--json"
    )
    journal = maker.out / "watch-outages" / "origins" / "1" / "traffic" / "traffic.jsonl"
    wait_until(lambda: any(each["event"] == "started" for each in events(journal)), "traffic to begin")
    server.misbehave()
    code = run.wait()
    for each in (full, *fillers):
        each.close()
    return code


def _tls_server() -> int:
    """Serve TLS with a certificate that nobody trusts, and return the port."""
    import ssl  # noqa: PLC0415 -- only here

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(2)
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


@contextmanager
def shop(maker: Maker) -> Iterator[tuple[str, str]]:
    """Bring a cluster up with apple (graceful) and banana (bare) on it; gives kubeconfig and URL."""
    up = maker.said("cluster", "up", "--name", CLUSTER)
    try:
        kubeconfig = maker.said("cluster", "kubeconfig", "--name", CLUSTER).strip()
        config.load_kube_config(kubeconfig)
        _deploy()
        yield kubeconfig, next(word for word in up.split() if word.startswith("http://")).rstrip("/")
    finally:
        maker.run("cluster", "down", "--name", CLUSTER)


def _deploy() -> None:
    """Deploy the shipped apple and banana, apple with a probe and a preStop sleep."""
    api = client.ApiClient()
    client.CoreV1Api(api).create_namespace({"metadata": {"name": NAMESPACE}})
    graceful = {
        "readinessProbe": {"httpGet": {"path": "/", "port": 5678}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 6}}},
    }
    for file in sorted((SHIPPED / "apps" / "apple-banana").glob("*.yaml")):
        for made in filter(None, yaml.safe_load_all(file.read_text(encoding="utf-8"))):
            if (made["kind"], made["metadata"]["name"]) == ("Deployment", "apple"):
                made["spec"]["template"]["spec"]["containers"][0].update(graceful)
            utils.create_from_dict(api, made, namespace=NAMESPACE)
    apps = client.AppsV1Api(api)

    def available() -> bool:
        found = apps.list_namespaced_deployment(NAMESPACE).items
        return len(found) == 2 and all(each.status.available_replicas for each in found)

    wait_until(available, "the pods")
    time.sleep(8)  # until the ingress controller has synced


def make_in_place(maker: Maker) -> dict[str, int]:
    """Make four runs in place: lossless, lossy, withheld, and with somebody else who changes the object."""
    pace = ("--control", "2s", "--baseline", "2s", "--settle", "1s", "--timeout", "2s", "--rate", "12", "--hold", "2s")
    switch = "selector-patch: {selector: {version: banana-v1}, answer: banana-v1}"
    codes = {}
    with shop(maker) as (kubeconfig, url):
        where = ("--kubeconfig", kubeconfig, "--context", f"harness-{CLUSTER}", "-n", NAMESPACE, *pace, "--yes")

        def words(name: str, target: str, change: str, path: str) -> tuple[str | Path, ...]:
            out = ("--out", maker.out / name)
            return ("run", "--in-place", target, "--change", change, "--url", url + path, *where, *out)

        name = "in-place"
        codes[name] = maker.run(*words(name, "deployment/apple", "scale=2", "/apple"))
        name = "in-place-lossy"
        codes[name] = maker.run(*words(name, "deployment/banana", "delete-pod", "/banana"))
        name = "in-place-withheld"
        run = maker.start(*words(name, "deployment/apple", "restart", "/apple"))
        # Only what is lost by the end of the control itself withholds the change.
        wait_for_phase(maker.out / name / "trials" / "apple--none" / "1", "baseline", run)
        nodes = [p for p in psutil.process_iter(["cmdline"]) if "harness.localkube.node" in _line(p)]
        chosen = [child for node in nodes for child in node.children(recursive=True) if "nginx:" in _line(child)]
        for process in chosen:
            process.suspend()
        time.sleep(2.5)
        for process in chosen:
            process.resume()
        codes[name] = run.wait()
        name = "in-place-interference"
        run = maker.start(*words(name, "service/apple-service", switch, "/apple"))
        core, number = client.CoreV1Api(), itertools.count()
        while run.poll() is None:
            labels = {"metadata": {"labels": {"team": f"blue-{next(number)}"}}}
            core.patch_namespaced_service("apple-service", NAMESPACE, labels)
            time.sleep(0.7)
        codes[name] = run.wait()
    return codes


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


MAKERS: Mapping[str, Callable[[Maker], int]] = {
    "lifecycle": lambda m: make_plain(m, "lifecycle", "--parallel", "2"),
    "traefik": lambda m: make_plain(m, "traefik", "--parallel", "2"),
    "service-entry": lambda m: make_plain(m, "service-entry", "--parallel", "1"),
    "slow-idle": lambda m: make_plain(m, "slow-idle", "--parallel", "1"),
    "releases": lambda m: make_plain(m, "releases", "--parallel", "2"),
    "releases-traefik": lambda m: make_plain(m, "releases-traefik", "--parallel", "2"),
    "hasty": lambda m: make_plain(m, "hasty", "--parallel", "2"),
    "rollback": lambda m: make_plain(m, "rollback", "--parallel", "2"),
    "workers": lambda m: make_plain(m, "workers", "--workers", "2"),
    "worker-died": make_worker_died,
    "stopped": make_stopped,
    "disturbed": make_disturbed,
    "no-control": lambda m: make_plain(m, "no-control"),
    "migrate": lambda m: m.run("migrate", "experiments/migrate.yaml", "--out", m.out / "migrate", "--parallel", "2"),
    "watch": make_watch,
    "watch-outages": make_outages,
}


def main() -> None:
    """Make the run directories that are named, or all, below ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join((*MAKERS, 'in-place'))}")
    parser.add_argument("--harness", default="harness", help="the program")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="a relative folder")
    given = parser.parse_args()
    os.chdir(HERE)
    maker = Maker(given.harness, given.out)
    maker.out.mkdir(exist_ok=True)
    for name in given.names or (*MAKERS, "in-place"):
        for old in maker.out.glob("in-place*") if name == "in-place" else [maker.out / name]:
            shutil.rmtree(old, ignore_errors=True)
        codes = make_in_place(maker) if name == "in-place" else {name: MAKERS[name](maker)}
        maker.keep(codes)
        sys.stderr.write(f"= {codes}\n")


if __name__ == "__main__":
    main()
