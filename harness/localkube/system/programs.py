"""The table of ingress controllers that a local cluster can run.

Its objects have the names of the controller's own manifests, so that a user finds the same objects as on a real
cluster. A program is imported and located only when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness import controller_objects

if TYPE_CHECKING:
    from harness.controller_objects import ControllerAddress
    from harness.localkube.nginx.record import NginxInstall
    from harness.localkube.system.runtime import RunController

#: Called with the name of each step, for users.
Progress = Callable[[str], None]


def silent(_text: str) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program found on this machine.

    Attributes:
        title: Its name, such as ``nginx``.
        version: Its version, such as ``1.26.3``.
        place: Path of the program.
        nginx: The nginx installation, if it is nginx.
    """

    title: str
    version: str
    place: str
    nginx: NginxInstall | None = None

    @property
    def name(self) -> str:
        """Return its name with its version."""
        return f"{self.title} {self.version}"


@dataclass(frozen=True, slots=True)
class IngressProgram:
    """An ingress controller that a local cluster can run.

    Attributes:
        address: Its objects.
        image: Image of its pods, as on a real cluster.
        images: Pattern of all its images, with any tag.
        port: Name of the port for traffic.
        tls_port: Name of the port for traffic with TLS; empty if it has none here.
        container: More fields of its container.
        ingress_class: Name of its IngressClass.
        controller: The ``controller`` field of that class.
        app: Name of the application in the kubelet.
        package: Package of its implementation. ``controller.run`` is a
            ``harness.localkube.system.runtime.RunController``, and ``program.find_program(progress)`` finds its program
            on this machine.
        needs: The program that it needs on this machine, for users.
        annotations: Prefix of the annotations that it reads.
        is_genuine: True if it is the real program, which itself decides which Ingresses it serves and how.
        reads_protocol: True if it reads the ``appProtocol`` of a Service's port.
        access_log: File name of its access logs in the cluster's folder of logs.
        providers: Options by which configurations of the same program differ.
    """

    address: ControllerAddress
    image: str
    images: str
    port: str
    container: Mapping[str, Any]
    ingress_class: str
    controller: str
    app: str
    package: str
    needs: str
    annotations: str
    tls_port: str = ""
    is_genuine: bool = False
    reads_protocol: bool = False
    access_log: str = "access.jsonl"
    providers: tuple[str, ...] = ()

    @property
    def run_controller(self) -> RunController:
        """Import and return the function that runs the controller."""
        run: RunController = import_module(f"{self.package}.controller").run
        return run

    @property
    def reads_custom_kinds(self) -> bool:
        """Return True if one of its providers reads kinds of its own."""
        return any(provider.endswith("crd") for provider in self.providers)

    @property
    def finder(self) -> Callable[[Progress], Program]:
        """Import and return the function that finds the program."""
        finder: Callable[[Progress], Program] = import_module(f"{self.package}.program").find_program
        return finder

    def find(self, progress: Progress = silent) -> Program:
        """Find the program, and download it if possible.

        Raises:
            MissingToolError: The program is missing.
        """
        return self.finder(progress)


#: A controller becomes ready within a second of its start, and unready after 30 s without an answer, as with the
#: official manifests of ingress-nginx (three probes, one each 10 s). A machine that stands still for a few seconds must
#: not take the controller out of its Service: every request would be refused, and the loss would be the harness's own.
_PATIENT: Mapping[str, int] = {"periodSeconds": 1, "failureThreshold": 30}

INGRESS_NGINX = IngressProgram(
    address=controller_objects.INGRESS_NGINX.address,
    image="registry.k8s.io/ingress-nginx/controller:v1.11.0",
    images=r"registry\.k8s\.io/ingress-nginx/controller:.+",
    port="http",
    container={
        "name": "controller",
        # The hook ends after the controller, so that SIGTERM comes last, as in the official manifests.
        "lifecycle": {"preStop": {"exec": {"command": ["/wait-shutdown"]}}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, **_PATIENT},
    },
    ingress_class=controller_objects.INGRESS_NGINX.ingress_class,
    controller="k8s.io/ingress-nginx",
    app="ingress-nginx",
    package="harness.localkube.ingress",
    needs="nginx with Lua",
    annotations=controller_objects.INGRESS_NGINX.annotations,
    tls_port="https",
)
TRAEFIK = IngressProgram(
    address=controller_objects.TRAEFIK.address,
    image="traefik:v3",
    images=r"traefik:.+",
    port="web",
    # Not its ping endpoint: every request to the entry point adds a line to the access log.
    container={"name": "traefik", "readinessProbe": {"tcpSocket": {"port": "web"}, **_PATIENT}},
    ingress_class=controller_objects.TRAEFIK.ingress_class,
    controller="traefik.io/ingress-controller",
    app="traefik",
    package="harness.localkube.traefik",
    needs="traefik",
    annotations=controller_objects.TRAEFIK.annotations,
    is_genuine=True,
    reads_protocol=True,
    access_log="traefik-access.jsonl",
    providers=("kubernetesingress", "kubernetescrd"),
)

#: The controllers by their name in ``NodeSettings.ingress``; any other name means no ingress controller.
INGRESS_PROGRAMS: Mapping[str, IngressProgram] = {
    "ingress-nginx": INGRESS_NGINX,
    "traefik": TRAEFIK,
    # Traefik's provider for ingress-nginx's annotations serves the Ingresses of ingress-nginx's class.
    "traefik-nginx": replace(
        TRAEFIK,
        ingress_class=INGRESS_NGINX.ingress_class,
        controller=INGRESS_NGINX.controller,
        annotations=INGRESS_NGINX.annotations,
        reads_protocol=False,
        providers=("kubernetesingressnginx", "kubernetescrd"),
    ),
}
