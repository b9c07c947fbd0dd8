"""The ingress controllers by their names in Experiments, made of the table of facts.

A row of ``harness.model.controllers.CONTROLLERS`` names the package of a controller, so there is no second table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from harness.controllers.base import Headers, IngressController, RoutedRequest, RouteFault, Surroundings
from harness.kube.api import KubeApi
from harness.kube.errors import KubeError
from harness.model.controllers import CONTROLLERS, NO_CONTROLLER, ControllerFacts
from harness.model.experiment import Manifest


def _made(facts: ControllerFacts) -> IngressController:
    controller: IngressController = import_module(facts.package).ingress_controller(facts)
    return controller


#: All controllers except ``none``.
INGRESS_CONTROLLERS: Mapping[str, IngressController] = {
    facts.word: _made(facts) for facts in CONTROLLERS.values() if facts is not NO_CONTROLLER
}

_ROUTES = tuple({id(controller.routes): controller.routes for controller in INGRESS_CONTROLLERS.values()}.values())


def find_visible(kube: KubeApi, word: str = "") -> tuple[IngressController | None, frozenset[str]]:
    """Find an ingress controller that runs on a cluster and whose pods the user may read.

    Args:
        kube: The API server.
        word: Name of the expected controller; empty or ``none`` for any.

    Returns:
        The controller and the names of the events that its log shows; ``(None, frozenset())`` if there is none.
    """
    expected = INGRESS_CONTROLLERS.get(word)
    for controller in (expected,) if expected else INGRESS_CONTROLLERS.values():
        address = controller.facts.address
        if address is None:
            continue
        labels = ",".join(f"{key}={value}" for key, value in address.labels.items())
        try:
            pods = kube.list("Pod", address.namespace, labels=labels)
        except KubeError:
            continue
        signals = controller.log.signals(pods) if pods else frozenset()
        if signals:
            return controller, signals
    return None, frozenset()


def taken_by_own_kinds(manifests: Sequence[Manifest], path: str, host: str, headers: Headers) -> str | None:
    """Return the Service to which an object of a controller's custom kinds routes a request; None if none matches."""
    found = (routes.takes(manifests, path, host, headers) for routes in _ROUTES)
    return next((service for service in found if service), None)


def has_unread_routes(manifests: Iterable[Manifest]) -> bool:
    """Return True if some objects of a controller's custom kinds use rules that the harness can't evaluate."""
    manifests = tuple(manifests)
    return any(routes.has_unread(manifests) for routes in _ROUTES)


def requests_of_own_kinds(manifests: Iterable[Manifest]) -> list[tuple[str, str]]:
    """Return a path and a host that each rule of a controller's custom kinds takes."""
    manifests = tuple(manifests)
    return [request for routes in _ROUTES for request in routes.requests(manifests)]


def is_share(ingress: Manifest) -> bool:
    """Return True if an Ingress adds no rule, but takes a share of another's requests."""
    return any(routes.is_share(ingress) for routes in _ROUTES)


def share_takes(ingress: Manifest, headers: Headers) -> bool:
    """Return True if such an Ingress certainly takes a request."""
    return any(routes.share_takes(ingress, headers) for routes in _ROUTES)


def has_regex_paths(ingress: Manifest) -> bool:
    """Return True if the paths of an Ingress are regular expressions."""
    return any(routes.is_regex(ingress) for routes in _ROUTES)


def faults_on_the_way(
    manifests: Sequence[Manifest], request: RoutedRequest, surroundings: Surroundings
) -> list[RouteFault]:
    """Return the faults of the workload for which the controller answers a request with an error."""
    controller = INGRESS_CONTROLLERS.get(surroundings.controller)
    return list(controller.routes.faults(manifests, request, surroundings)) if controller else []


def without_own_namespace(manifest: Manifest, namespace: str, manifests: Sequence[Manifest]) -> Manifest:
    """Return an object of a workload that refers to the trial's namespace where it names that of the workload."""
    for routes in _ROUTES:
        manifest = routes.without_namespace(manifest, namespace, manifests)
    return manifest


def in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """Return such an object with the name of the trial's namespace."""
    for routes in _ROUTES:
        manifest = routes.in_namespace(manifest, namespace)
    return manifest


def aliases_of(ingress: Manifest) -> list[str]:
    """Return the further hosts of each rule of an Ingress that has a host."""
    return [alias for routes in _ROUTES for alias in routes.aliases(ingress)]
