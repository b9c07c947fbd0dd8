"""Verdicts by annotation: one application behind an Ingress for each of them, in one trial for each way to replace it.

A route of the traffic belongs to one Ingress. Its verdict is lossless if each of its requests got a right answer.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from harness.localkube.ingress.annotation_names import PREFIX

ROOT = Path(__file__).parents[3]
RECORDED = ROOT / "tests" / "localkube" / "ingress" / "recorded_verdicts.json"
#: Configuration -> the answers of the table.
CONFIGURATIONS = ("complete", "recreate", "bare")
CLUSTERS = ("kind", "local")
_IMAGE = "hashicorp/http-echo:1.0"
#: Outcomes that are neither a right answer nor a loss: unfinished, client-fault, missed.
_UNKNOWN = (0, 11, 12)
#: Requests that a pod may lose by its end although the controller tries another pod.
_CHANCE = 3

Verdicts = dict[str, dict[str, dict[str, str]]]
_Case = Mapping[str, Any]

#: Name -> annotations, path of the Ingress, request, right statuses. Their application answers the same to all paths.
CASES: Mapping[str, _Case] = {
    "none": {},
    "rewrite-target": {"annotations": {"rewrite-target": "/$2"}, "path": "/api(/|$)(.*)", "ask": "/api/a"},
    "use-regex": {"annotations": {"use-regex": "true"}, "path": "/v\\d+/", "ask": "/v1/a"},
    "app-root": {"annotations": {"app-root": "/start"}, "ask": "/other"},
    "server-alias": {"annotations": {"server-alias": "alias-of-shop.example"}, "host": "alias-of-shop.example"},
    "upstream-vhost": {"annotations": {"upstream-vhost": "inner.example"}},
    "permanent-redirect": {"annotations": {"permanent-redirect": "https://new.example"}, "statuses": [301]},
    "force-ssl-redirect": {"annotations": {"force-ssl-redirect": "true"}, "statuses": [308]},
    "allowlist-source-range": {"annotations": {"allowlist-source-range": "192.0.2.0/24"}, "statuses": [403]},
    "basic-auth": {
        "annotations": {"auth-type": "basic", "auth-secret": "users", "auth-secret-type": "auth-file"},
        "headers": {"Authorization": "Basic YW5uYTpwZWFy"},
    },
    "limit-connections": {"annotations": {"limit-connections": "500"}},
    "limit-rps": {"annotations": {"limit-rps": "500"}},
    "limit-rpm": {"annotations": {"limit-rpm": "30000"}},
    "custom-http-errors": {"annotations": {"custom-http-errors": "503", "default-backend": "errors"}},
    "default-backend": {"annotations": {"default-backend": "errors"}},
    "affinity": {"annotations": {"affinity": "cookie"}},
    "affinity-persistent": {"annotations": {"affinity": "cookie", "affinity-mode": "persistent"}},
    "upstream-hash-by": {"annotations": {"upstream-hash-by": "$request_uri"}},
    "load-balance": {"annotations": {"load-balance": "ewma"}},
    "proxy-connect-timeout": {"annotations": {"proxy-connect-timeout": "1"}},
    "proxy-read-timeout": {"annotations": {"proxy-read-timeout": "2", "proxy-send-timeout": "2"}},
    "proxy-http-version": {"annotations": {"proxy-http-version": "1.0"}},
    "proxy-next-upstream": {"annotations": {"proxy-next-upstream": "off"}},
    "proxy-next-upstream-tries": {"annotations": {"proxy-next-upstream-tries": "1"}},
    "proxy-next-upstream-timeout": {"annotations": {"proxy-next-upstream-timeout": "1"}},
    "proxy-buffering": {"annotations": {"proxy-buffering": "on", "proxy-request-buffering": "off"}},
    "proxy-body-size": {"annotations": {"proxy-body-size": "1m"}},
    "canary-by-header": {"annotations": {}, "canary": {"canary": "true", "canary-by-header": "X-Canary"}},
}


def workload() -> list[dict[str, Any]]:
    """Return the objects: the application, the page for errors, and a Service and an Ingress for each case."""
    auth = base64.b64encode(b"anna:{PLAIN}pear\n").decode()
    users = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "users"}, "data": {"auth": auth}}
    found = [users, _deployment("shop", 2), _deployment("errors", 1), _service("errors", "errors")]
    for name, case in CASES.items():
        found += [_service(name, "shop"), _ingress(name, case, case.get("annotations") or {})]
        if case.get("canary"):
            found.append(_ingress(name, case, case["canary"], "-canary"))
    return found


def _deployment(name: str, replicas: int) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": _IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": [f"-text={name}"],
        "ports": [{"containerPort": 5678}],
        # Long enough for a sync of the controller while Recreate has no pod: it syncs every 3.3 s.
        "readinessProbe": {"httpGet": {"path": "/", "port": 5678}, "initialDelaySeconds": 5, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "25m", "memory": "16Mi"}},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _service(name: str, app: str) -> dict[str, Any]:
    spec = {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 5678}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _ingress(name: str, case: _Case, annotations: Mapping[str, str], suffix: str = "") -> dict[str, Any]:
    path = case.get("path", "/")
    backend = {"service": {"name": "errors" if suffix else name, "port": {"number": 80}}}
    entry = {"path": path, "pathType": "Prefix" if path == "/" else "ImplementationSpecific", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name + suffix,
            "annotations": {PREFIX + key: value for key, value in annotations.items()},
        },
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": f"{name}.example", "http": {"paths": [entry]}}],
        },
    }


def experiment() -> dict[str, Any]:
    """Return the Experiment: the restart of the application in three configurations."""
    paths = [
        {
            "path": case.get("ask", "/"),
            "host": case.get("host", f"{name}.example"),
            "name": name,
            **({"statuses": case["statuses"]} if "statuses" in case else {"answers": "shop"}),
            **({"headers": case["headers"]} if "headers" in case else {}),
        }
        for name, case in CASES.items()
    ]
    whole = {"kind": "Deployment", "metadata": {"name": "shop"}}
    hook = {
        "template": {"spec": {"containers": [{"name": "web", "lifecycle": {"preStop": {"sleep": {"seconds": 6}}}}]}}
    }
    strategy = {"strategy": {"type": "Recreate", "rollingUpdate": None}}
    return {
        "version": 1,
        "name": "annotations",
        "workload": ["workload.yaml"],
        "traffic": {
            "rate": f"{len(CASES) * 6}/s",
            "paths": paths,
            "methods": ["GET"],
            "connections": ["new"],
            "baseline": "2s",
            "settle": "3s",
            # Longer than three attempts of the controller to connect, which hide the end of a pod.
            "timeout": "20s",
            "concurrency": 4000,
        },
        "matrix": {
            "way": {
                "complete": {"patch": {**whole, "spec": hook}},
                "recreate": {"patch": {**whole, "spec": strategy}},
                "bare": {},
            }
        },
        "changes": [{"restart": {"deployment": "shop"}}],
        "control": False,
    }


def record(cluster: str, folder: Path, options: Sequence[str]) -> dict[str, dict[str, str]]:
    """Run the Experiment on a cluster; return the verdict of each case in each configuration.

    Args:
        cluster: ``kind`` or ``local``.
        folder: Empty folder for the Experiment and its evidence.
        options: Further options of ``harness run``.
    """
    (folder / "workload.yaml").write_text(yaml.safe_dump_all(workload()), encoding="utf-8")
    (folder / "annotations.yaml").write_text(yaml.safe_dump(experiment()), encoding="utf-8")
    argv = [sys.executable, "-m", "harness", "run", str(folder / "annotations.yaml"), "--cluster", cluster]
    subprocess.run([*argv, "--out", str(folder / "run"), *options], check=False)
    return read(folder / "run")


def read(run: Path) -> dict[str, dict[str, str]]:
    """Return the verdict of each case in each configuration of a run."""
    return {name: {way: _verdict(run, way, index) for way in CONFIGURATIONS} for index, name in enumerate(CASES)}


def _verdict(run: Path, way: str, index: int) -> str:
    """Return the verdict of a route of the only trial of a configuration; empty if its change was not observed.

    After ``lossy`` follow the number of lost requests and that of all: ``lossy, 20 of 120``.
    """
    trial = run / "trials" / f"{way}--restart" / "1"
    timeline = trial / "timeline.jsonl"
    changed = [json.loads(line)["what"] for line in timeline.read_text().splitlines()] if timeline.exists() else []
    files = sorted((trial / "traffic").glob("ledger-*.npy"))
    if "observed" not in changed or not files:
        return ""
    rows = np.concatenate([np.load(file) for file in files])
    rows = rows[(rows["written"] == 1) & (rows["route"] == index)]
    counted = Counter(rows["outcome"].tolist())
    unknown = sum(counted[code] for code in _UNKNOWN)
    if lost := len(rows) - counted[1] - unknown:
        return f"lossy, {lost} of {len(rows)}"
    return "lossless" if counted[1] and not unknown else "inconclusive"


def recorded() -> Verdicts:
    """Return the recorded verdicts: cluster -> case -> configuration."""
    found: Verdicts = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def differences(found: Verdicts) -> list[str]:
    """Return each cell whose verdict differs between the clusters, except by chance.

    A loss of up to three requests is chance where pods end at once: each was at a pod at the moment of its end. A cell
    with a slot that was not sent says nothing.
    """
    return [
        f"{name} {way}: {', '.join(sides)}"
        for name in CASES
        for way in CONFIGURATIONS
        if (sides := [found[cluster][name][way] for cluster in CLUSTERS])
        and "inconclusive" not in sides
        and len({side.partition(",")[0] for side in sides}) > 1
        and not (way == "bare" and max(map(_lost, sides)) <= _CHANCE)
    ]


def _lost(verdict: str) -> int:
    return int(verdict.split(" ")[1]) if verdict.startswith("lossy") else 0


def keep(cluster: str, found: dict[str, dict[str, str]]) -> None:
    """Write the verdicts of one cluster, in place of those before."""
    before = recorded() if RECORDED.exists() else {}
    whole = {name: found if name == cluster else before.get(name, {}) for name in CLUSTERS}
    RECORDED.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
