"""Run the whole local cluster with all components and a pod, and check that no process survives a violent end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.clusters.base import BringUp
from harness.clusters.local.provider import LocalProvider
from harness.kit.waiting import wait_until
from harness.runner.entry import address_of

pytestmark = [pytest.mark.nginx, pytest.mark.processes]

LABELS = {"app": "apple"}
DEPLOYMENT: Mapping[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "apple"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "apple", "image": "hashicorp/http-echo:0.2.3", "args": ["-text=apple"]}]},
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "apple"},
    "spec": {"selector": LABELS, "ports": [{"port": 5678}]},
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "fruit"},
    "spec": {
        "ingressClassName": "nginx",
        "defaultBackend": {"service": {"name": "apple", "port": {"number": 5678}}},
    },
}

HOLDER = """
import sys, time
from pathlib import Path
from harness.clusters.base import BringUp
from harness.clusters.local.provider import LocalProvider
request = BringUp(name="held", directory=Path(sys.argv[1]), profile="instant")
with LocalProvider().up(request, lambda text: print(text, flush=True)) as cluster:
    settings = cluster.settings
    print(f"up {settings.block.ingress_address} {settings.entry_port}", flush=True)
    time.sleep(60)
"""


def create(kubeconfig: Path, path: str, manifest: Mapping[str, Any]) -> None:
    """Create an object in the default namespace."""
    server = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    body = json.dumps(manifest).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{server}{path}", body, headers), timeout=60) as answer:
        assert answer.status == 201


def deploy(kubeconfig: Path) -> None:
    """Deploy the application ``apple`` behind the ingress."""
    create(kubeconfig, "/apis/apps/v1/namespaces/default/deployments", DEPLOYMENT)
    create(kubeconfig, "/api/v1/namespaces/default/services", SERVICE)
    create(kubeconfig, "/apis/networking.k8s.io/v1/namespaces/default/ingresses", INGRESS)


def answer_of(url: str) -> str:
    """Return the body of a 200; empty for any other response."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode().strip())
    except (urllib.error.URLError, ConnectionError):
        return ""


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that still run."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds a cluster, like the harness does."""
    argv = [sys.executable, "-c", HOLDER, str(directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_pod_answers_through_the_ingress(tmp_path: Path) -> None:
    """A pod behind a Service and an Ingress answers at the entry; no process runs after the context."""
    before = set(psutil.Process().children(recursive=True))
    request = BringUp(name="real", directory=tmp_path / "cluster", profile="instant")
    with LocalProvider().up(request, lambda _text: None) as cluster:
        deploy(cluster.kubeconfig)

        def answer_now() -> Any:
            address, port = address_of(cluster.entry)
            return answer_of(f"http://{address}:{port}/")

        answer = wait_until(answer_now, timeout=60, what="an answer at the entry")
        started = [p for p in psutil.Process().children(recursive=True) if p not in before]

        def reload_and_endpoints() -> bool:
            # A reload is logged once the old workers have left: new ones may have answered before.
            return {"reload", "endpoints"} <= {event.what for event in cluster.ingress_events(lambda: True)}

        wait_until(reload_and_endpoints, timeout=60, what="the events of a reload and of endpoints")
        cluster.collect(tmp_path / "evidence")

    assert answer == "apple"
    assert len(started) >= 5
    assert alive(started) == []
    assert (tmp_path / "evidence" / "access.jsonl").read_text().count('"status":200') >= 1
    assert list((tmp_path / "evidence" / "logs" / "pods").glob("default_apple-*_apple.log"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_harness_leaves_neither_node_nor_nginx_nor_pod(tmp_path: Path, number: signal.Signals) -> None:
    """Killing the holder ends every process and frees the entry, even with a pod that ignores SIGTERM."""
    with holder(tmp_path / "cluster") as process:
        assert process.stdout is not None
        up = next(line for line in process.stdout if line.startswith("up"))
        _, address, port = up.split()
        deploy(tmp_path / "cluster" / "kubeconfig")
        wait_until(lambda: answer_of(f"http://{address}:{port}/"), timeout=60, what="an answer at the entry")
        started = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, number)
        process.wait()
    wait_until(lambda: not alive(started), timeout=60, what=lambda: f"{alive(started)} to end")

    assert len(started) >= 5
    assert answer_of(f"http://{address}:{port}/") == ""


@pytest.mark.parametrize("at", ["starting the cluster's process", "waiting for the API", "waiting for the ingress"])
def test_a_harness_killed_during_bring_up_leaves_no_process(tmp_path: Path, at: str) -> None:
    """SIGKILL during any step leaves no process behind."""
    with holder(tmp_path / "cluster") as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith(at))
        started = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    wait_until(lambda: not alive(started), timeout=60, what=lambda: f"{alive(started)} to end")
    wait_until(lambda: not processes_naming(tmp_path), timeout=60, what=lambda: f"{processes_naming(tmp_path)} to end")


def processes_naming(path: Path) -> list[int]:
    """Return the processes with a folder in their command line."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if str(path) in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.info["pid"])
    return found
