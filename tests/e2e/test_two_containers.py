"""Two containers, one preStop: the other container's port refuses, and nginx sends the request to another pod."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from starved import code_of, is_sound

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

#: Longer than ingress-nginx needs to learn of an endpoint, so that no two pods are replaced within that time.
APART = 6


def container(name: str, port: int, **fields: Any) -> dict[str, Any]:
    """A container with its own listener and readiness probe."""
    return {
        "name": name,
        "image": "hashicorp/http-echo:1.0",
        "args": [f"-listen=:{port}", f"-text={name}"],
        "ports": [{"containerPort": port, "name": name}],
        "readinessProbe": {"httpGet": {"path": "/", "port": port}, "periodSeconds": 1},
        **fields,
    }


def write_workload(path: Path, containers: list[dict[str, Any]]) -> Path:
    """Write a Deployment of two pods, its Service for the port ``proxy``, and an Ingress."""
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 2, "minReadySeconds": APART, "selector": {"matchLabels": labels}, "template": template}
    backend = {"service": {"name": "shop", "port": {"name": "http"}}}
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    ports = [{"name": "http", "port": 80, "targetPort": "proxy"}]
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "shop"},
            "spec": {"selector": labels, "ports": ports},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "shop"},
            "spec": {"ingressClassName": "nginx", "rules": [rule]},
        },
    ]
    path.write_text("\n---\n".join(json.dumps(each) for each in objects), encoding="utf-8")
    return path


def run(harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path, *containers: dict[str, Any]) -> Any:
    """Run a restart of the Deployment under traffic; return the command and the cell of the restart."""
    workload = write_workload(tmp_path / "shop.yaml", list(containers))
    traffic = {
        "rate": "100/s",
        "paths": [{"path": "/", "answers": "proxy"}],
        "baseline": "2s",
        "settle": "2s",
    }
    restart = {"restart": {"deployment": "shop"}}
    fields = {"workload": str(workload), "traffic": traffic, "changes": [restart]}
    finished = harness.run("run", experiment(**fields), "--out", tmp_path / "run", "--json")
    return finished, next(cell for cell in finished.json["cells"] if cell["change"] == "restart")


def test_the_port_of_an_ended_container_refuses_while_its_pod_lives(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The preStop of ``app`` keeps the pod for 8 s. ``proxy``, which serves, has ended by then."""
    app = container("app", 8081, lifecycle={"preStop": {"sleep": {"seconds": 8}}})
    finished, cell = run(harness, experiment, tmp_path, app, container("proxy", 8080))

    assert is_sound(cell), finished.result
    assert finished.code == code_of(finished.json["cells"]), finished.result


def test_a_pod_of_one_container_without_a_hook_is_silent_and_loses(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """After its only container ends, its network is removed: nginx waits, and the request is lost."""
    finished, cell = run(harness, experiment, tmp_path, container("proxy", 8080))

    assert (finished.code, cell["verdict"]) == (1, "lossy"), finished.result
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text(encoding="utf-8"))
    lost = [trial["identity"]["lost"] for each in verdict["cells"] for trial in each["trials"]]
    assert sum(each.get("timeout-response", 0) for each in lost) > 0, lost
