"""How a kind cluster comes up, step by step; a step that fails says what it saw, and leaves nothing but its logs."""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.base import Progress
from harness.clusters.kind import images, owned, tools
from harness.clusters.kind.owned import Owned
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

#: Longest times in seconds, on a slow machine.
CREATE_SECONDS = 600.0
ROLLOUT_SECONDS = 240.0
ENTRY_SECONDS = 60.0
EXPORT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Bringing:
    """A cluster on its way up.

    Attributes:
        settings: What it is asked to be.
        logs: Where its logs go; kept.
        progress: Told of each step.
    """

    settings: KindSettings
    logs: Path
    progress: Progress

    @contextmanager
    def step(self, name: str, namespace: str = "") -> Iterator[None]:
        """One step of the bring-up.

        Args:
            name: What is done.
            namespace: Where to look for reasons when it fails; empty where nothing is to be seen yet.

        Raises:
            BringUpError: The step failed; with its name and what was seen.
        """
        self.progress(name)
        try:
            yield
        except (MissingToolError, BringUpError):
            raise
        except HarnessError as error:
            seen = "\n".join(part for part in (error.detail, self._look(namespace)) if part)
            raise BringUpError(
                f"The kind cluster {self.settings.name} did not come up. Step that failed: {name}. {error.message}",
                detail="\n".join(f"  | {line}" for line in seen.splitlines()),
                hint=error.hint or f"All of its logs are in {self.logs}.",
            ) from error

    def _look(self, namespace: str) -> str:
        found = owned.find(self.settings.name)
        if not namespace or found is None or not found.kubeconfig.exists():
            return ""
        with suppress(HarnessError), Kube(found.kubeconfig) as kube:
            return diagnose(kube, namespace)
        return ""


def bring_up(settings: KindSettings, logs: Path, progress: Progress, *, standing: bool) -> Owned:
    """Make a cluster.

    Args:
        settings: What it is asked to be.
        logs: Where its logs go.
        progress: Told of each step.
        standing: Whether it outlives this process.

    Raises:
        BringUpError: A step failed. Nothing of the cluster is left, unless it was to be kept.
    """
    with clear_disk_errors(logs):
        logs.mkdir(parents=True, exist_ok=True)
    bringing = Bringing(settings, logs, progress)
    with bringing.step("getting images"):
        images.get_images(settings, logs, progress)
    with bringing.step("writing down that it is ours"):
        mine = owned.begin(settings.name, standing=standing, ingress=settings.ingress, kube_proxy=settings.kube_proxy)
    try:
        return _make(bringing, mine)
    except BaseException:
        progress("keeping its logs")
        _export_logs(settings.name, logs)
        if not settings.keep:
            progress("taking it down")
            owned.remove(owned.find(mine.name) or mine)
        raise


def _make(bringing: Bringing, mine: Owned) -> Owned:
    settings = bringing.settings
    ports = free_ports(node_ports())
    if settings.port:
        ports[settings.node_port] = settings.port
    with bringing.step("creating the cluster"):
        _create(bringing, mine, ports)
        mine = owned.has_node(mine)
    with bringing.step(f"loading {len(settings.needed)} images"):
        images.load_images(settings, bringing.logs)
    with Kube(mine.kubeconfig) as kube:
        with bringing.step("waiting for the node", "kube-system"):
            wait_until(lambda: _node_ready(kube), timeout=ROLLOUT_SECONDS, what="the node to be ready", interval=0.25)
        if settings.controller is not None:
            _start_ingress(bringing, kube)
    entry = owned.came_up(mine, ports[settings.node_port], ports[SERVICE_NODE_PORT])
    if settings.controller is not None:
        with bringing.step("waiting for the ingress to answer", _namespace_of(settings)):
            wait_until(
                lambda: _answers(entry.entry.port),
                timeout=ENTRY_SECONDS,
                what=f"http://127.0.0.1:{entry.entry.port} to answer",
                interval=0.25,
            )
    return entry


def _create(bringing: Bringing, mine: Owned, ports: dict[int, int]) -> None:
    config = bringing.logs / "cluster.yaml"
    with clear_disk_errors(config):
        config.write_text(cluster_config(bringing.settings, ports), encoding="utf-8")
    image = bringing.settings.images.get(NODE, "")
    tools.work(
        "kind", "create", "cluster", "--name", mine.name, "--config", str(config),
        "--kubeconfig", str(mine.kubeconfig), "--retain", *(("--image", image) if image else ()),
        name="kind create cluster", log=bringing.logs / "create.log", timeout=CREATE_SECONDS,
        progress=lambda line: bringing.progress(f"creating the cluster: {line}"),
    )  # fmt: skip


def load_images(settings: KindSettings, logs: Path, progress: Progress) -> None:
    """Put the images of a request into a cluster that is up.

    Raises:
        BringUpError: An image can't be had, or the node does not take it.
    """
    with clear_disk_errors(logs):
        logs.mkdir(parents=True, exist_ok=True)
    bringing = Bringing(settings, logs, progress)
    with bringing.step("getting images"):
        images.get_images(settings, logs, progress)
    with bringing.step(f"loading {len(settings.needed)} images"):
        images.load_images(settings, logs)


def _start_ingress(bringing: Bringing, kube: Kube) -> None:
    ingress = bringing.settings.ingress
    with bringing.step(f"applying {ingress}"):
        manifests = ingress_manifests(bringing.settings)
        for manifest in manifests:
            kube.apply(manifest, manifest["metadata"].get("namespace", ""))
    with bringing.step(f"waiting for {ingress}", _namespace_of(bringing.settings)):
        for manifest in manifests:
            if manifest["kind"] == "Deployment":
                metadata = manifest["metadata"]
                wait_rollout(kube, metadata["name"], metadata["namespace"], ROLLOUT_SECONDS)


def _namespace_of(settings: KindSettings) -> str:
    """Return the ingress controller's namespace."""
    address = controller_facts(settings.ingress).address
    return address.namespace if address is not None else ""


def _node_ready(kube: Kube) -> bool:
    return all(
        any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))
        for node in kube.list("Node", "")
    )


def _answers(port: int) -> bool:
    """Whether anything speaks HTTP: the ingress answers 404 as long as it has nothing to serve."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return bool(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _export_logs(name: str, logs: Path) -> None:
    """What kubelet, containerd and all containers have said; a failure of this is not worth a word."""
    if shutil.which("kind") is None:
        return
    with suppress(HarnessError):
        tools.work(
            "kind", "export", "logs", str(logs / "node"), "--name", name,
            name="kind export logs", log=logs / "export.log", timeout=EXPORT_SECONDS,
        )  # fmt: skip
