"""The settings of a kind cluster: the files in ``kind-config/``, combined with the user's options."""

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
#: NodePort of a Service that gets traffic without the ingress.
SERVICE_NODE_PORT = 30900
KUBE_PROXY_MODES = ("iptables", "ipvs", "nftables")

#: Name of the node image in ``images.yaml`` and ``--image``.
NODE = "node"
#: Prefix of those keys of ``BringUp.options`` that replace an image.
IMAGE_OPTION = "image:"


@dataclass(frozen=True, slots=True)
class KindSettings:
    """The settings of one kind cluster.

    Attributes:
        name: Name of the kind cluster.
        ingress: The ingress controller.
        kube_proxy: Mode of kube-proxy.
        port: Port on 127.0.0.1; 0 for any free one.
        images: Images by name: those of ``images.yaml``, with the user's replacements.
        workload: Images of the workload.
        keep: Leave the cluster up after the run.
        reuse: Use the persistent cluster, or leave this one up for the next run.
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
        """Return the settings of a request.

        Raises:
            InvalidInputError: Options are invalid; lists all of them.
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
        """Return the ingress controller; None without one."""
        return INGRESS_CONTROLLERS.get(self.ingress)

    @property
    def manifests(self) -> KindManifests | None:
        """Return the source of the ingress controller's manifests; None without one."""
        return self.controller.kind if self.controller is not None else None

    @property
    def needed(self) -> tuple[str, ...]:
        """Return every image that must be loaded into the node."""
        return tuple(dict.fromkeys((*filter(None, (self.ingress_image,)), *self.workload)))

    @property
    def ingress_image(self) -> str:
        """Return the ingress controller's image; empty without one."""
        manifests = self.manifests
        return self.images[manifests.image] if manifests is not None else ""

    @property
    def node_port(self) -> int:
        """Return the NodePort where traffic enters."""
        manifests = self.manifests
        return manifests.node_port if manifests is not None else SERVICE_NODE_PORT


def _problems(request: BringUp) -> Iterator[Problem]:
    if request.ingress not in INGRESSES:
        yield Problem(
            f"kind clusters have no ingress controller {request.ingress!r}", hint=f"one of {', '.join(INGRESSES)}"
        )
    mode = request.options.get("kube-proxy") or "iptables"
    if mode not in KUBE_PROXY_MODES:
        yield Problem(f"there is no kube-proxy mode {mode!r}", hint=f"one of {', '.join(KUBE_PROXY_MODES)}")
    port = request.options.get("port") or "0"
    if not port.isdecimal() or int(port) > 65535:
        yield Problem(f"{port!r} is not a port", hint="a number from 1 to 65535")


def config_folder() -> Path:
    """Return the folder that ``HARNESS_KIND_CONFIG`` names, or else the shipped ``kind-config``.

    Raises:
        HarnessError: The folder has no ``cluster.yaml``.
    """
    named = os.environ.get("HARNESS_KIND_CONFIG", "")
    folder = Path(named) if named else shipped("kind-config")
    if not (folder / "cluster.yaml").is_file():
        raise HarnessError(
            f"There is no {folder / 'cluster.yaml'}.",
            hint="HARNESS_KIND_CONFIG must name a folder like kind-config. Unset it to use the shipped one.",
        )
    return folder


def pinned_images() -> dict[str, str]:
    """Return the images of ``images.yaml``, by name."""
    return {str(key): str(value or "") for key, value in _load(config_folder() / "images.yaml")[0].items()}


def cluster_config(settings: KindSettings, ports: Mapping[int, int]) -> str:
    """Return the configuration file for ``kind create cluster``.

    Args:
        settings: Settings of the cluster.
        ports: Port on 127.0.0.1 for each port of the node.
    """
    config = _load(config_folder() / "cluster.yaml")[0]
    config.setdefault("networking", {})["kubeProxyMode"] = settings.kube_proxy
    for node in config["nodes"]:
        for mapping in node.get("extraPortMappings", ()):
            mapping["hostPort"] = ports[mapping["containerPort"]]
    return yaml.safe_dump(config, sort_keys=False)


def node_ports() -> tuple[int, ...]:
    """Return the ports of the node that ``cluster.yaml`` maps to this machine."""
    config = _load(config_folder() / "cluster.yaml")[0]
    return tuple(m["containerPort"] for node in config["nodes"] for m in node.get("extraPortMappings", ()))


def ingress_manifests(settings: KindSettings) -> tuple[Manifest, ...]:
    """Return the ingress controller's objects, with its image, in the order in which they are applied."""
    source = settings.manifests
    files = [file for folder in (source.folders if source is not None else ()) for file in _files(folder)]
    # By kind and name: an object of a later folder replaces the one of an earlier folder, at its position.
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
    """Return a free port on 127.0.0.1 for each wanted port. All are held until the end, so that they differ."""
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
