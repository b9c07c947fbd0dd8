"""Fake docker and kind: shell scripts that do what a test says, and record their calls."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from harness.clusters.kind import bringup, provider
from harness.kube.logs import LogLine
from harness.testing.fake_api import FakeKube

DOCKER = """#!/bin/sh
echo "docker $*" >>"$FAKE/calls"
case "$1 $2" in
  "info "*) cat "$FAKE/info.err" >&2 2>/dev/null; cat "$FAKE/info.json"; exit ;;
  "image inspect") for last; do :; done; grep -qxF "$last" "$FAKE/images" && exit 0; echo "no such image" >&2; exit 1 ;;
  "pull "*) if [ -e "$FAKE/pull.works" ]; then exit 0; fi; echo "no route to host"; exit 1 ;;
  "build "*) if [ -e "$FAKE/build.works" ]; then exit 0; fi; echo "no such base"; exit 1 ;;
  "ps "*) cat "$FAKE/container" 2>/dev/null; exit 0 ;;
  "inspect "*) [ -e "$FAKE/container" ] && echo true; exit 0 ;;
  "wait "*) while [ -e "$FAKE/container" ]; do sleep 0.02; done; exit 0 ;;
esac
"""
KIND = """#!/bin/sh
echo "kind $*" >>"$FAKE/calls"
case "$1" in
  version) echo "kind v0.33.0 go1.24 linux/amd64" ;;
  get) cat "$FAKE/clusters" 2>/dev/null; exit 0 ;;
  create)
    echo c0ffee >"$FAKE/container"
    if [ -e "$FAKE/create.hangs" ]; then while [ -e "$FAKE/create.hangs" ]; do sleep 0.02; done; fi
    if [ -e "$FAKE/create.fails" ]; then echo "ERROR: kubelet is not healthy" >&2; exit 1; fi
    while [ $# -gt 0 ]; do [ "$1" = --kubeconfig ] && : >"$2"; shift; done
    printf ' \\342\\200\\242 Preparing nodes \\360\\237\\223\\246  ...\\r' ;;
  load) if [ -e "$FAKE/load.fails" ]; then echo "ERROR: no space left" >&2; exit 1; fi ;;
  export) mkdir -p "$3"; echo "kubelet's last words" >"$3/kubelet.log" ;;
  delete) rm -f "$FAKE/container" ;;
esac
"""


class FakeClusterKube(FakeKube):
    """The API server of a fake kind cluster. Deployments are available at once unless the test says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.reactions.append(_make_available)
        conditions = [{"type": "Ready", "status": "True"}]
        info = {"kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://1.7"}
        self.put(
            {"kind": "Node", "metadata": {"name": "node"}, "status": {"conditions": conditions, "nodeInfo": info}}, ""
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Do nothing."""

    def follow_log(
        self, pod: str, namespace: str, container: str, *, stop: Callable[[], bool], stamps: bool, follow: bool
    ) -> Iterator[LogLine]:
        """Yield a few last lines of every container."""
        yield from (LogLine("", f"{container} says {number}", 0) for number in range(9))


def _make_available(kube: FakeKube) -> None:
    for deployment in kube.list("Deployment", "ingress-nginx"):
        if deployment.get("status"):
            continue
        generation = deployment["metadata"]["generation"]
        status = {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        kube.put({**deployment, "status": status}, "ingress-nginx")


class FakeTools:
    """The fake programs, and the files that control them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kube = FakeClusterKube()
        self.info(ServerVersion="28.0", KernelVersion="not this one", DockerRootDir="/")
        self.file("images", "registry.k8s.io/ingress-nginx/controller:v1.11.0\nhashicorp/http-echo:1.0\n")

    def info(self, **said: Any) -> None:
        """Set the output of ``docker info``."""
        self.file("info.json", json.dumps(said))

    def file(self, name: str, content: str = "") -> None:
        """Write a file that the scripts read."""
        (self.folder / name).write_text(content)

    def program(self, name: str, content: str) -> None:
        """Put a program on the PATH."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(0o755)

    def has_cluster(self) -> bool:
        """Return True if the node's container exists."""
        return (self.folder / "container").exists()

    def calls(self, *words: str) -> list[str]:
        """Return the commands that began with these words."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(" ".join(words))]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    """Return working fake programs, with a state folder for the test."""
    folder = tmp_path / "fake"
    folder.mkdir()
    made = FakeTools(folder)
    made.program("docker", DOCKER)
    made.program("kind", KIND)
    monkeypatch.setenv("FAKE", str(folder))
    for name in ("cat", "grep", "mkdir", "rm", "sleep"):
        (folder / "bin" / name).symlink_to(shutil.which(name) or name)
    # Nothing else, so that a real docker is not found.
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("HARNESS_KIND_CONFIG", raising=False)
    kube: Callable[[Path], FakeClusterKube] = lambda _path: made.kube  # noqa: E731
    monkeypatch.setattr(bringup, "Kube", kube)
    monkeypatch.setattr(provider, "Kube", kube)
    monkeypatch.setattr(bringup, "_answers", lambda _port: True)
    return made
