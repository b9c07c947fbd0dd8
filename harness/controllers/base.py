"""The parts that every ingress controller has, beyond its facts in ``harness.model.controllers``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.controllers.sharing import Sharing
from harness.kube.api import Object
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.model.controllers import ControllerFacts
from harness.model.experiment import Manifest
from harness.model.timeline import Event

#: Headers of a request, ``(name, value)``.
Headers = Sequence[tuple[str, str]]

#: Reads the lines of one container that belong to no access log, in their order; returns the events of each line.
LineReader = Callable[[LogLine, Stamps], Iterable[Event]]


@dataclass(frozen=True, slots=True)
class ControllerLog:
    """How a controller's log is read.

    Attributes:
        is_access: Returns whether a line belongs to the access log.
        access: Returns such a line as ``access.jsonl`` has it.
        reader: Returns a reader for all other lines of one container.
        tells: Returns the names of the events that the controller logs with the settings of these pods.
    """

    is_access: Callable[[str], bool]
    access: Callable[[str], str]
    reader: Callable[[], LineReader]
    tells: Callable[[Sequence[Object]], frozenset[str]]


def _no_route(_manifests: Iterable[Manifest], _path: str, _host: str, _headers: Headers) -> str | None:
    return None


def _never(*_arguments: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Routes:
    """How the objects of a workload become routes, where a controller differs from the API's own rules for Ingresses.

    Attributes:
        takes: ``(manifests, path, host, headers)``: returns the Service to which an object of the controller's own
            kinds sends a request; None where none of them takes it.
        has_unread: ``(manifests)``: returns whether some of these objects say more than is understood here.
        is_share: ``(ingress)``: returns whether an Ingress is no rule of its own, but takes a share of another's
            requests.
        share_takes: ``(ingress, headers)``: returns whether such an Ingress takes a request for certain.
        is_regex: ``(ingress)``: returns whether the paths of an Ingress are regular expressions.
    """

    takes: Callable[[Iterable[Manifest], str, str, Headers], str | None] = _no_route
    has_unread: Callable[[Iterable[Manifest]], bool] = _never
    is_share: Callable[[Manifest], bool] = _never
    share_takes: Callable[[Manifest, Headers], bool] = _never
    is_regex: Callable[[Manifest], bool] = _never


@dataclass(frozen=True, slots=True)
class KindManifests:
    """How a kind cluster gets the controller.

    Attributes:
        image: Name of its image in ``kind-config/images.yaml``.
        folders: Folders of its manifests below ``kind-config/``; an object of a later one replaces that of an earlier.
        node_port: Port of the node at which it answers; ``kind-config/cluster.yaml`` maps it.
    """

    image: str
    folders: tuple[str, ...]
    node_port: int


@dataclass(frozen=True, slots=True)
class IngressController:
    """One ingress controller.

    Attributes:
        facts: Its row in ``harness.model.controllers``.
        log: How its log is read.
        sharing: How it splits the requests of a rule; None where it can't.
        kind: How a kind cluster gets it; None where it can't.
        routes: How its objects become routes.
        own_api: ``apiVersion`` of the kinds that only this controller reads; empty where it has none.
    """

    facts: ControllerFacts
    log: ControllerLog
    sharing: Sharing | None = None
    kind: KindManifests | None = None
    routes: Routes = field(default_factory=Routes)
    own_api: str = ""
