"""The ingress controllers that a local cluster can run: one row for each, in one table.

A row names the objects as the controller's own manifests do, so that a user who looks around finds what a real cluster
has. Programs are imported and looked for only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.localkube.nginx.record import NginxInstall
    from harness.localkube.system.runtime import Play

#: Is called with what is done, for people.
Progress = Callable[[str], None]


def silent(_text: str) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was found on this machine.

    Attributes:
        title: Its name, ``nginx``.
        version: Its version, ``1.26.3``.
        place: Path of the program.
        nginx: How to start it, where it is nginx.
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
    """One ingress controller.

    Attributes:
        namespace: Namespace of its objects.
        deployment: Name of its Deployment.
        service: Name of the Service by which traffic enters.
        labels: Labels of its pods.
        image: Image of its pods, as on a real cluster.
        images: Pattern of all images of it, whatever their tags.
        port: Name of the port that takes traffic.
        container: Further fields of its container.
        ingress_class: Name of its IngressClass.
        controller: The ``controller`` of that class.
        app: Name of the application in the kubelet.
        package: Package that plays it: ``controller.run`` is a ``harness.localkube.system.runtime.Play``, and
            ``program.find_program(progress)`` looks for its program on this machine.
        needs: What it needs on this machine, for people.
        annotations: Beginning of the names of the annotations that it reads.
        is_genuine: Whether it is the real program, which decides by itself what it serves and how.
        reads_protocol: Whether it reads the ``appProtocol`` of a Service's port.
        access_log: Name of its access logs in the cluster's folder of logs.
        providers: Options of the program, by which configurations of one program differ.
    """

    namespace: str
    deployment: str
    service: str
    labels: Mapping[str, str]
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
    is_genuine: bool = False
    reads_protocol: bool = False
    access_log: str = "access.jsonl"
    providers: tuple[str, ...] = ()

    @property
    def play(self) -> Play:
        """Import what plays the controller."""
        play: Play = import_module(f"{self.package}.controller").run
        return play

    @property
    def finder(self) -> Callable[[Progress], Program]:
        """Import what looks for the program."""
        finder: Callable[[Progress], Program] = import_module(f"{self.package}.program").find_program
        return finder

    def find(self, progress: Progress = silent) -> Program:
        """Look for the program, and fetch it where that is possible.

        Raises:
            MissingToolError: It is not there.
        """
        return self.finder(progress)


INGRESS_NGINX = IngressProgram(
    namespace="ingress-nginx",
    deployment="ingress-nginx-controller",
    service="ingress-nginx-controller",
    labels={"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
    image="registry.k8s.io/ingress-nginx/controller:v1.11.0",
    images=r"registry\.k8s\.io/ingress-nginx/controller:.+",
    port="http",
    container={
        "name": "controller",
        # Until it has ended, so that the pod's own SIGTERM comes last, as in its own manifests.
        "lifecycle": {"preStop": {"exec": {"command": ["/wait-shutdown"]}}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
    },
    ingress_class="nginx",
    controller="k8s.io/ingress-nginx",
    app="ingress-nginx",
    package="harness.localkube.ingress",
    needs="nginx with Lua",
    annotations="nginx.ingress.kubernetes.io/",
)
TRAEFIK = IngressProgram(
    namespace="traefik",
    deployment="traefik",
    service="traefik",
    labels={"app.kubernetes.io/name": "traefik"},
    image="traefik:v3",
    images=r"traefik:.+",
    port="web",
    # Not its ping: every request at its entry point would be a line of the access log.
    container={"name": "traefik", "readinessProbe": {"tcpSocket": {"port": "web"}, "periodSeconds": 1}},
    ingress_class="traefik",
    controller="traefik.io/ingress-controller",
    app="traefik",
    package="harness.localkube.traefik",
    needs="traefik",
    annotations="traefik.ingress.kubernetes.io/",
    is_genuine=True,
    reads_protocol=True,
    access_log="traefik-access.jsonl",
    providers=("kubernetesingress", "kubernetescrd"),
)

#: By the word in ``NodeSettings.ingress``; a cluster with another word has no ingress controller.
INGRESS_PROGRAMS: Mapping[str, IngressProgram] = {
    "ingress-nginx": INGRESS_NGINX,
    "traefik": TRAEFIK,
    # Traefik's provider for ingress-nginx's annotations takes the Ingresses of ingress-nginx's own class.
    "traefik-nginx": replace(
        TRAEFIK,
        ingress_class=INGRESS_NGINX.ingress_class,
        controller=INGRESS_NGINX.controller,
        annotations=INGRESS_NGINX.annotations,
        reads_protocol=False,
        providers=("kubernetesingressnginx", "kubernetescrd"),
    ),
}
