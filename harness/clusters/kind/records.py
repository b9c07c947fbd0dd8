"""Records of the kind clusters that the harness created, so that it never deletes any other cluster.

A record is written before its cluster is created. It is a folder in the user's state directory, with the kubeconfig.
So a cluster can be found and removed after its harness was killed.
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
class ClusterRecord:
    """The record of a cluster that the harness created or is about to create.

    Attributes:
        name: Name of the kind cluster.
        pid: Process that creates it.
        started: Start of that process in clock ticks; identifies the process together with ``pid``.
        standing: True if the cluster is persistent: it outlives that process.
        ingress: Its ingress controller.
        kube_proxy: Its kube-proxy mode.
        container: Id of its node's container; empty until the node exists.
        port: Port on 127.0.0.1 where traffic enters; 0 until the node and the ingress controller are ready.
        service_port: Port on 127.0.0.1 for a Service that gets traffic without the ingress.
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
        """Return the path of its kubeconfig."""
        return _root() / self.name / "kubeconfig"

    @property
    def entry(self) -> Entry:
        """Return the address where traffic enters."""
        return Entry("127.0.0.1", self.port)

    def orphaned(self) -> bool:
        """Return True if the process that should remove the cluster has ended."""
        return not self.standing and not guardian.running(self.pid, self.started)

    def state(self) -> str:
        """Return ``up``, ``down`` (its node is stopped or removed), or ``unfinished`` (it never became ready)."""
        if not self.port:
            return "unfinished"
        try:
            running = tools.query("docker", "inspect", "--format", "{{.State.Running}}", self.container)
        except HarnessError:
            return "down"
        return "up" if running == "true" else "down"

    def write(self) -> ClusterRecord:
        """Write the record durably. Return it."""
        write_text(_root() / self.name / "cluster.json", json.dumps(asdict(self)) + "\n")
        return self


def begin(name: str, *, standing: bool, ingress: str, kube_proxy: str) -> ClusterRecord:
    """Record that a cluster is about to be created.

    Raises:
        HarnessError: A kind cluster of that name exists already.
    """
    if name in tools.clusters():
        ours = find(name) is not None
        raise HarnessError(
            f"A kind cluster {name} exists already"
            + (", created by the harness." if ours else ", not created by the harness."),
            hint=f"harness cluster down --cluster kind --name {name}" if ours else "Choose another name.",
        )
    pid = os.getpid()
    record = ClusterRecord(
        name, pid, guardian.start_ticks(pid), standing=standing, ingress=ingress, kube_proxy=kube_proxy
    )
    return record.write()


def came_up(record: ClusterRecord, port: int, service_port: int) -> ClusterRecord:
    """Record that the node and the ingress controller are ready, and the ports of this machine that lead to them."""
    return replace(record, port=port, service_port=service_port).write()


def has_node(record: ClusterRecord) -> ClusterRecord:
    """Record the container of the cluster's node."""
    return replace(record, container=tools.node_container(record.name)).write()


def find(name: str) -> ClusterRecord | None:
    """Return the record of that name; None if there is none."""
    try:
        return ClusterRecord(**json.loads((_root() / name / "cluster.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def logs_of(name: str) -> Path:
    """Return the folder for the bring-up logs of a persistent cluster."""
    return _root().parent / "kind-logs" / name


def all_records() -> list[ClusterRecord]:
    """Return all records, sorted by name."""
    try:
        names = sorted(path.name for path in _root().iterdir())
    except OSError:
        return []
    return [record for record in map(find, names) if record is not None]


def remove(record: ClusterRecord) -> None:
    """Delete a cluster and its record. A cluster that somebody else has since created under its name stays.

    Raises:
        HarnessError: The cluster could not be deleted.
    """
    there = tools.node_container(record.name)
    if there and record.container in {"", there}:
        tools.delete_cluster(record.name, record.kubeconfig)
    shutil.rmtree(_root() / record.name, ignore_errors=True)


def remove_orphans() -> tuple[str, ...]:
    """Delete the clusters whose harness was killed. Return their names."""
    orphans = [record for record in all_records() if record.orphaned()]
    for record in orphans:
        remove(record)
    return tuple(record.name for record in orphans)


def _root() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "harness" / "kind"
