"""Which kind clusters are ours: written down before one is made, so that no other is ever deleted.

Each has a folder in the user's state directory with its kubeconfig. One whose harness was killed is found again by it.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness.clusters.base import Entry
from harness.clusters.kind import tools
from harness.errors import HarnessError
from harness.kit import guardian
from harness.kit.files import write_text


@dataclass(frozen=True, slots=True)
class Owned:
    """A cluster that we made, or are about to make.

    Attributes:
        name: As kind knows it.
        pid: The process that made it.
        started: That process's start in clock ticks: with its pid, its identity.
        standing: Whether it is meant to outlive that process.
        ingress: Its ingress controller.
        kube_proxy: Its kube-proxy mode.
        container: Id of its node's container; empty until it is there.
        port: Where traffic enters on 127.0.0.1; 0 until it answers.
        service_port: Where a Service is reached that traffic goes straight to.
    """

    name: str
    pid: int
    started: int
    standing: bool
    ingress: str
    kube_proxy: str
    container: str = ""
    port: int = 0
    service_port: int = 0

    @property
    def kubeconfig(self) -> Path:
        """For kubectl."""
        return _root() / self.name / "kubeconfig"

    @property
    def entry(self) -> Entry:
        """Where traffic enters."""
        return Entry("127.0.0.1", self.port)

    def orphaned(self) -> bool:
        """Whether whoever was to take it down is gone."""
        return not self.standing and not guardian.running(self.pid, self.started)

    def state(self) -> str:
        """``up``, ``down`` (its node is stopped or gone), or ``unfinished`` (it never answered)."""
        if not self.port:
            return "unfinished"
        try:
            running = tools.ask("docker", "inspect", "--format", "{{.State.Running}}", self.container)
        except HarnessError:
            return "down"
        return "up" if running == "true" else "down"

    def write(self) -> Owned:
        """Write it down, for good; returns itself."""
        write_text(_root() / self.name / "cluster.json", json.dumps(asdict(self)) + "\n")
        return self


def begin(name: str, *, standing: bool, ingress: str, kube_proxy: str) -> Owned:
    """Write down that a cluster is about to be made.

    Raises:
        HarnessError: There is one of that name already.
    """
    if name in tools.clusters():
        ours = find(name) is not None
        raise HarnessError(
            f"There is a kind cluster {name} already" + (", made by the harness." if ours else ", not made by us."),
            hint=f"harness cluster down --cluster kind --name {name}" if ours else "Choose another name.",
        )
    pid = os.getpid()
    owned = Owned(name, pid, guardian.start_ticks(pid), standing=standing, ingress=ingress, kube_proxy=kube_proxy)
    return owned.write()


def came_up(owned: Owned, port: int, service_port: int) -> Owned:
    """Write down that it answers, and where."""
    return replace(owned, port=port, service_port=service_port).write()


def has_node(owned: Owned) -> Owned:
    """Write down which container its node is."""
    return replace(owned, container=tools.node_container(owned.name)).write()


def find(name: str) -> Owned | None:
    """The cluster of ours of that name."""
    try:
        return Owned(**json.loads((_root() / name / "cluster.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def logs_of(name: str) -> Path:
    """Where the logs of a standing cluster's bring-up go."""
    return _root().parent / "kind-logs" / name


def all_owned() -> list[Owned]:
    """All clusters of ours, by name."""
    try:
        names = sorted(path.name for path in _root().iterdir())
    except OSError:
        return []
    return [owned for owned in map(find, names) if owned is not None]


def remove(owned: Owned) -> None:
    """Delete a cluster of ours and forget it. If somebody has made another of its name since, that one stays.

    Raises:
        HarnessError: It could not be deleted.
    """
    there = tools.node_container(owned.name)
    if there and owned.container in {"", there}:
        tools.delete_cluster(owned.name, owned.kubeconfig)
    shutil.rmtree(_root() / owned.name, ignore_errors=True)


def remove_orphans() -> tuple[str, ...]:
    """Delete the clusters whose harness was killed; returns their names."""
    orphans = [owned for owned in all_owned() if owned.orphaned()]
    for owned in orphans:
        remove(owned)
    return tuple(owned.name for owned in orphans)


def _root() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "harness" / "kind"
