"""The parts of an ingress controller that act on a cluster. Its facts are in ``harness.model.controllers``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.controllers.sharing import Sharing
from harness.kube.api import Object
from harness.kube.logs import LogLine
from harness.kube.schema import Path
from harness.kube.stamps import Stamps
from harness.model.controllers import ControllerFacts
from harness.model.experiment import Manifest
from harness.model.timeline import Event
from harness.problem_codes import ProblemCode

#: Stands for the namespace of the trial in annotations that have to name it. No namespace can have this name.
OWN_NAMESPACE = "NAMESPACE"

#: Headers of a request: ``(name, value)``.
Headers = Sequence[tuple[str, str]]

#: Reads the log lines of one container in order, without access log lines. Returns the events of each line.
LineReader = Callable[[LogLine, Stamps], Iterable[Event]]


@dataclass(frozen=True, slots=True)
class ControllerLog:
    """The parser of a controller's log.

    Attributes:
        is_access: Returns True for a line of the access log.
        access: Converts such a line to the format of ``access.jsonl``.
        reader: Returns a reader for all other lines of one container.
        signals: Returns the names of the events that the controller logs with the settings of these pods.
        lists_tries: True if a line of the access log has every server that was tried; False if it may have only the
            last, so that earlier tries may be missing.
        logs_departures: True if a request that its client gives up is logged at once, whatever the controller does with
            it; False if that may come later.
    """

    is_access: Callable[[str], bool]
    access: Callable[[str], str]
    reader: Callable[[], LineReader]
    signals: Callable[[Sequence[Object]], frozenset[str]]
    lists_tries: bool
    logs_departures: bool


@dataclass(frozen=True, slots=True)
class RoutedRequest:
    """A request of the traffic with the rule of the API that takes it.

    Attributes:
        path: Its path.
        host: Value of its ``Host`` header.
        headers: Its further headers.
        ingress: The Ingress that takes it if no object of the controller's custom kinds does; None if none does.
        service: Name of the Service to which that Ingress routes it.
    """

    path: str
    host: str = ""
    headers: Headers = ()
    ingress: Manifest | None = None
    service: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The knowledge about the cluster on which routes are checked.

    Attributes:
        controller: Word of the ingress controller.
        settings: True if the harness runs the controller, so that its settings are known.
        secrets: True if the namespace has only the Secrets of the workload.
    """

    controller: str
    settings: bool = True
    secrets: bool = True


@dataclass(frozen=True, slots=True)
class RouteFault:
    """A fault in an object for which the controller answers a request with an error, in place of a pod.

    Attributes:
        manifest: The object.
        path: Path of the faulty field in it.
        code: The kind of problem.
        message: The fault and its effect, without the object's name.
        hint: The way out; may be empty.
    """

    manifest: Manifest
    path: Path
    code: ProblemCode
    message: str
    hint: str = ""


def _no_faults(
    _manifests: Sequence[Manifest], _request: RoutedRequest, _surroundings: Surroundings
) -> Iterable[RouteFault]:
    return ()


def _unchanged(manifest: Manifest, *_arguments: Any) -> Manifest:
    return manifest


def _no_route(_manifests: Iterable[Manifest], _path: str, _host: str, _headers: Headers) -> str | None:
    return None


def _no_requests(_manifests: Iterable[Manifest]) -> Sequence[tuple[str, str]]:
    return ()


def _no_aliases(_ingress: Manifest) -> Sequence[str]:
    return ()


def _never(*_arguments: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Routes:
    """The routing rules of a controller that differ from the API's rules for Ingresses.

    Attributes:
        takes: ``(manifests, path, host, headers)``: returns the Service to which an object of the controller's custom
            kinds routes a request; None if none of them matches.
        has_unread: ``(manifests)``: returns True if some of these objects use rules that the harness can't evaluate.
        requests: ``(manifests)``: returns a path and a host that each rule of these objects takes.
        is_share: ``(ingress)``: returns True if an Ingress adds no rule, but takes a share of another's requests.
        share_takes: ``(ingress, headers)``: returns True if such an Ingress certainly takes a request.
        is_regex: ``(ingress)``: returns True if the paths of an Ingress are regular expressions.
        aliases: ``(ingress)``: returns the further hosts of each rule of an Ingress that has a host.
        faults: ``(manifests, request, surroundings)``: yields the faults on the way of a request to its Service.
        without_namespace: ``(manifest, namespace, manifests)``: returns an object whose references to the workload's
            own namespace name ``OWN_NAMESPACE`` or none. The namespace is empty if the workload names none.
        in_namespace: ``(manifest, namespace)``: returns the object with the name of its namespace in their place.
    """

    takes: Callable[[Iterable[Manifest], str, str, Headers], str | None] = _no_route
    has_unread: Callable[[Iterable[Manifest]], bool] = _never
    requests: Callable[[Iterable[Manifest]], Sequence[tuple[str, str]]] = _no_requests
    is_share: Callable[[Manifest], bool] = _never
    share_takes: Callable[[Manifest, Headers], bool] = _never
    is_regex: Callable[[Manifest], bool] = _never
    aliases: Callable[[Manifest], Sequence[str]] = _no_aliases
    faults: Callable[[Sequence[Manifest], RoutedRequest, Surroundings], Iterable[RouteFault]] = _no_faults
    without_namespace: Callable[[Manifest, str, Sequence[Manifest]], Manifest] = _unchanged
    in_namespace: Callable[[Manifest, str], Manifest] = _unchanged


@dataclass(frozen=True, slots=True)
class KindManifests:
    """The manifests that install the controller on a kind cluster.

    Attributes:
        image: Name of its image in ``kind-config/images.yaml``.
        folders: Folders of manifests below ``kind-config/``. An object of a later folder replaces that of an earlier.
        node_port: NodePort of the controller, which ``kind-config/cluster.yaml`` maps.
    """

    image: str
    folders: tuple[str, ...]
    node_port: int


@dataclass(frozen=True, slots=True)
class IngressController:
    """An ingress controller.

    Attributes:
        facts: Its row in ``harness.model.controllers``, which names its package.
        log: The parser of its log.
        sharing: The way to split the requests of a rule; None if it has none.
        kind: Its manifests for kind clusters; None if there are none.
        routes: Its routing rules.
        own_api: ``apiVersion`` of its custom kinds; empty if it has none.
    """

    facts: ControllerFacts
    log: ControllerLog
    sharing: Sharing | None = None
    kind: KindManifests | None = None
    routes: Routes = field(default_factory=Routes)
    own_api: str = ""
