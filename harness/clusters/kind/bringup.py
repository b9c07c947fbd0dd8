"""Brings a kind cluster up in named steps. A failed step says why it failed, and leaves only logs behind."""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.base import Progress
from harness.clusters.kind import images, records, tools
from harness.clusters.kind.records import ClusterRecord
from harness.clusters.kind.settings import (
    NODE,
    SERVICE_NODE_PORT,
    KindSettings,
    cluster_config,
    free_ports,
    ingress_manifests,
    node_ports,
)
from harness.clusters.shared.diagnosis import diagnose
from harness.errors import BringUpError, HarnessError, MissingToolError
from harness.kit.files import clear_disk_errors
from harness.kit.waiting import wait_until
from harness.kube.client import Kube
from harness.kube.rollout import wait_rollout
from harness.model.controllers import controller_facts

#: Timeouts in seconds, long enough for a slow machine.
CREATE_SECONDS = 600.0
ROLLOUT_SECONDS = 240.0
ENTRY_SECONDS = 60.0
EXPORT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class BringUpSteps:
    """The steps that bring up one cluster, with their logs and error reports.

    Attributes:
        settings: Settings of the cluster.
        logs: Folder for its logs, which stay.
        progress: Called with the name of each step.
    """

    settings: KindSettings
    logs: Path
    progress: Progress

    @contextmanager
    def step(self, name: str, namespace: str = "") -> Iterator[None]:
        """Run the block as one step of the bring-up.

        Args:
            name: Name of the step.
            namespace: Namespace whose pods and events explain a failure; empty if there is none yet.

        Raises:
            BringUpError: The step failed; with its name, and the states and warnings of the pods in ``namespace``.
        """
        self.progress(name)
        try:
            yield
        except (MissingToolError, BringUpError):
            raise
        except HarnessError as error:
            seen = "\n".join(part for part in (error.detail, self._look(namespace)) if part)
            raise BringUpError(
                f"The kind cluster {self.settings.name} did not come up. Failed step: {name}. {error.message}",
                detail="\n".join(f"  | {line}" for line in seen.splitlines()),
                hint=error.hint or f"All its logs are in {self.logs}.",
            ) from error

    def _look(self, namespace: str) -> str:
        found = records.find(self.settings.name)
        if not namespace or found is None or not found.kubeconfig.exists():
            return ""
        with suppress(HarnessError), Kube(found.kubeconfig) as kube:
            return diagnose(kube, namespace)
        return ""


def bring_up(settings: KindSettings, logs: Path, progress: Progress, *, standing: bool) -> ClusterRecord:
    """Create a cluster and wait until it is ready.

    Args:
        settings: Settings of the cluster.
        logs: Folder for its logs.
        progress: Called with the name of each step.
        standing: True if it outlives this process.

    Raises:
        BringUpError: A step failed. Nothing of the cluster is left, unless ``settings.keep`` is set.
    """
    with clear_disk_errors(logs):
        logs.mkdir(parents=True, exist_ok=True)
    steps = BringUpSteps(settings, logs, progress)
    with steps.step("getting images"):
        images.get_images(settings, logs, progress)
    with steps.step("recording it as ours"):
        record = records.begin(
            settings.name, standing=standing, ingress=settings.ingress, kube_proxy=settings.kube_proxy
        )
    try:
        return _make(steps, record)
    except BaseException:
        progress("saving its logs")
        _export_logs(settings.name, logs)
        if not settings.keep:
            progress("removing it")
            records.remove(records.find(record.name) or record)
        raise


def _make(steps: BringUpSteps, record: ClusterRecord) -> ClusterRecord:
    settings = steps.settings
    ports = free_ports(node_ports())
    if settings.port:
        ports[settings.node_port] = settings.port
    with steps.step("creating the cluster"):
        _create(steps, record, ports)
        record = records.has_node(record)
    with steps.step(f"loading {len(settings.needed)} images"):
        images.load_images(settings, steps.logs)
    with Kube(record.kubeconfig) as kube:
        with steps.step("waiting for the node", "kube-system"):
            wait_until(lambda: _node_ready(kube), timeout=ROLLOUT_SECONDS, what="the node to be ready", interval=0.25)
        if settings.controller is not None:
            _start_ingress(steps, kube)
    entry = records.came_up(record, ports[settings.node_port], ports[SERVICE_NODE_PORT])
    if settings.controller is not None:
        with steps.step("waiting for the ingress to answer", _namespace_of(settings)):
            wait_until(
                lambda: _answers(entry.entry.port),
                timeout=ENTRY_SECONDS,
                what=f"http://127.0.0.1:{entry.entry.port} to answer",
                interval=0.25,
            )
    return entry


def _create(steps: BringUpSteps, record: ClusterRecord, ports: dict[int, int]) -> None:
    config = steps.logs / "cluster.yaml"
    with clear_disk_errors(config):
        config.write_text(cluster_config(steps.settings, ports), encoding="utf-8")
    image = steps.settings.images.get(NODE, "")
    tools.run_long(
        "kind", "create", "cluster", "--name", record.name, "--config", str(config),
        "--kubeconfig", str(record.kubeconfig), "--retain", *(("--image", image) if image else ()),
        name="kind create cluster", log=steps.logs / "create.log", timeout=CREATE_SECONDS,
        progress=lambda line: steps.progress(f"creating the cluster: {line}"),
    )  # fmt: skip


def load_images(settings: KindSettings, logs: Path, progress: Progress) -> None:
    """Load the images of a request into a running cluster.

    Raises:
        BringUpError: An image can't be pulled or built, or the node does not accept it.
    """
    with clear_disk_errors(logs):
        logs.mkdir(parents=True, exist_ok=True)
    steps = BringUpSteps(settings, logs, progress)
    with steps.step("getting images"):
        images.get_images(settings, logs, progress)
    with steps.step(f"loading {len(settings.needed)} images"):
        images.load_images(settings, logs)


def _start_ingress(steps: BringUpSteps, kube: Kube) -> None:
    ingress = steps.settings.ingress
    with steps.step(f"applying {ingress}"):
        manifests = ingress_manifests(steps.settings)
        for manifest in manifests:
            kube.apply(manifest, manifest["metadata"].get("namespace", ""))
    with steps.step(f"waiting for {ingress}", _namespace_of(steps.settings)):
        for manifest in manifests:
            if manifest["kind"] == "Deployment":
                metadata = manifest["metadata"]
                wait_rollout(kube, metadata["name"], metadata["namespace"], ROLLOUT_SECONDS)


def _namespace_of(settings: KindSettings) -> str:
    """Return the ingress controller's namespace; empty without a controller."""
    address = controller_facts(settings.ingress).address
    return address.namespace if address is not None else ""


def _node_ready(kube: Kube) -> bool:
    return all(
        any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))
        for node in kube.list("Node", "")
    )


def _answers(port: int) -> bool:
    """Return True if an HTTP server answers. An ingress without routes answers 404."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return bool(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _export_logs(name: str, logs: Path) -> None:
    """Save the logs of kubelet, containerd and all containers. A failure is ignored: another error is reported."""
    if shutil.which("kind") is None:
        return
    with suppress(HarnessError):
        tools.run_long(
            "kind", "export", "logs", str(logs / "node"), "--name", name,
            name="kind export logs", log=logs / "export.log", timeout=EXPORT_SECONDS,
        )  # fmt: skip
