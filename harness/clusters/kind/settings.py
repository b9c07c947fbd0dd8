"""What a kind cluster is made of: the files in ``kind-config/``, with what the user asked for filled in."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.clusters.base import BringUp
from harness.controllers.base import IngressController, KindManifests
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kit.shipped import shipped
from harness.model.controllers import DEFAULT, NO_CONTROLLER
from harness.model.experiment import Manifest

INGRESSES = (*(word for word, known in INGRESS_CONTROLLERS.items() if known.kind is not None), NO_CONTROLLER.word)
#: Port of the node for a Service that traffic goes straight to.
SERVICE_NODE_PORT = 30900
KUBE_PROXY_MODES = ("iptables", "ipvs", "nftables")

#: Names in ``images.yaml`` and in ``--image`` that stand for no image of a workload.
NODE = "node"
#: Options of ``BringUp.options`` that begin with this name an image to be replaced.
IMAGE_OPTION = "image:"


@dataclass(frozen=True, slots=True)
class KindSettings:
    """What one cluster is asked to be.

    Attributes:
        name: Its name, as kind knows it.
        ingress: The ingress controller.
        kube_proxy: How Services are carried out.
        port: Port on 127.0.0.1; 0 for one that is free.
        images: Images by name: those of ``images.yaml``, replaced where the user said so.
        workload: Images that the workload names.
        keep: Leave it up.
        reuse: Take one of ours that stands, or leave this one up for the next time.
    """

    name: str
    ingress: str = DEFAULT.word
    kube_proxy: str = "iptables"
    port: int = 0
    images: Mapping[str, str] = field(default_factory=dict)
    workload: tuple[str, ...] = ()
    keep: bool = False
    reuse: bool = False

    @classmethod
    def of(cls, request: BringUp, name: str) -> KindSettings:
        """Read a request.

        Raises:
            InvalidInputError: With everything in it that can't be.
        """
        options = request.options
        problems = list(_problems(request))
        if problems:
            raise InvalidInputError(problems)
        replaced = {key.removeprefix(IMAGE_OPTION): ref for key, ref in options.items() if key.startswith(IMAGE_OPTION)}
        return cls(
            name=name,
            ingress=request.ingress,
            kube_proxy=options.get("kube-proxy") or "iptables",
            port=int(options.get("port") or 0),
            images={**pinned_images(), **replaced},
            workload=request.images,
            keep=bool(options.get("keep")),
            reuse=bool(options.get("reuse")),
        )

    @property
    def controller(self) -> IngressController | None:
        """The ingress controller; None without one."""
        return INGRESS_CONTROLLERS.get(self.ingress)

    @property
    def manifests(self) -> KindManifests | None:
        """How the cluster gets the ingress controller; None without one."""
        return self.controller.kind if self.controller is not None else None

    @property
    def needed(self) -> tuple[str, ...]:
        """Every image that must be in the node."""
        return tuple(dict.fromkeys((*filter(None, (self.ingress_image,)), *self.workload)))

    @property
    def ingress_image(self) -> str:
        """The ingress controller's image; empty without one."""
        manifests = self.manifests
        return self.images[manifests.image] if manifests is not None else ""

    @property
    def node_port(self) -> int:
        """The port of the node by which traffic enters."""
        manifests = self.manifests
        return manifests.node_port if manifests is not None else SERVICE_NODE_PORT


def _problems(request: BringUp) -> Iterator[Problem]:
    if request.ingress not in INGRESSES:
        yield Problem(
            f"kind clusters have no ingress {request.ingress!r} in this version", hint=f"one of {', '.join(INGRESSES)}"
        )
    mode = request.options.get("kube-proxy") or "iptables"
    if mode not in KUBE_PROXY_MODES:
        yield Problem(f"there is no kube-proxy mode {mode!r}", hint=f"one of {', '.join(KUBE_PROXY_MODES)}")
    port = request.options.get("port") or "0"
    if not port.isdecimal() or int(port) > 65535:
        yield Problem(f"{port!r} is no port", hint="a number from 1 to 65535")


def config_folder() -> Path:
    """Return the folder that ``HARNESS_KIND_CONFIG`` names, or else the shipped ``kind-config``.

    Raises:
        HarnessError: It has no ``cluster.yaml``.
    """
    named = os.environ.get("HARNESS_KIND_CONFIG", "")
    folder = Path(named) if named else shipped("kind-config")
    if not (folder / "cluster.yaml").is_file():
        raise HarnessError(
            f"There is no {folder / 'cluster.yaml'}.",
            hint="HARNESS_KIND_CONFIG names a folder like kind-config of the project; unset it for the shipped one.",
        )
    return folder


def pinned_images() -> dict[str, str]:
    """The images of ``images.yaml``, by name."""
    return {str(key): str(value or "") for key, value in _load(config_folder() / "images.yaml")[0].items()}


def cluster_config(settings: KindSettings, ports: Mapping[int, int]) -> str:
    """The file that ``kind create cluster`` is given.

    Args:
        settings: What the cluster is asked to be.
        ports: Port on 127.0.0.1 for each port of the node.
    """
    config = _load(config_folder() / "cluster.yaml")[0]
    config.setdefault("networking", {})["kubeProxyMode"] = settings.kube_proxy
    for node in config["nodes"]:
        for mapping in node.get("extraPortMappings", ()):
            mapping["hostPort"] = ports[mapping["containerPort"]]
    return yaml.safe_dump(config, sort_keys=False)


def node_ports() -> tuple[int, ...]:
    """The ports of the node that ``cluster.yaml`` maps to this machine."""
    config = _load(config_folder() / "cluster.yaml")[0]
    return tuple(m["containerPort"] for node in config["nodes"] for m in node.get("extraPortMappings", ()))


def ingress_manifests(settings: KindSettings) -> tuple[Manifest, ...]:
    """The ingress controller's objects in the order in which they are applied, with its image filled in."""
    source = settings.manifests
    files = [file for folder in (source.folders if source is not None else ()) for file in _files(folder)]
    # By kind and name: what a later folder has takes the place, and the turn, of what an earlier one has.
    found = {(m["kind"], m["metadata"]["name"]): m for file in files for m in _load(file)}
    manifests = list(found.values())
    for manifest in manifests:
        pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", ()):
            container["image"] = settings.images.get(container["image"], container["image"])
    return tuple(manifests)


def _files(folder: str) -> list[Path]:
    return sorted((config_folder() / folder).glob("*.yaml"))


def free_ports(wanted: tuple[int, ...]) -> dict[int, int]:
    """A free port on 127.0.0.1 for each; they are held until all are known, so that they differ."""
    sockets = {port: socket.socket() for port in wanted}
    try:
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {port: int(one.getsockname()[1]) for port, one in sockets.items()}
    finally:
        for one in sockets.values():
            one.close()


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]
    except (OSError, yaml.YAMLError) as error:
        raise HarnessError(f"{path} can't be read: {error}") from error
