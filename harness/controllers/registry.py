"""The table of ingress controllers, by their words in Experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.controllers.base import Headers, IngressController
from harness.controllers.nginx import INGRESS_NGINX
from harness.controllers.traefik import TRAEFIK, TRAEFIK_NGINX
from harness.kube.api import KubeApi
from harness.kube.errors import KubeError
from harness.model.experiment import Manifest

#: Every controller but ``none``.
INGRESS_CONTROLLERS: Mapping[str, IngressController] = {
    controller.facts.word: controller for controller in (INGRESS_NGINX, TRAEFIK, TRAEFIK_NGINX)
}

_ROUTES = tuple({id(controller.routes): controller.routes for controller in INGRESS_CONTROLLERS.values()}.values())


def find_visible(kube: KubeApi, word: str = "") -> tuple[IngressController | None, frozenset[str]]:
    """Find an ingress controller that runs on a cluster and whose pods we may see.

    Args:
        kube: The API server.
        word: The controller that is expected; any where empty or ``none``.

    Returns:
        The controller and the names of the events that its log has; ``(None, frozenset())`` where none can be seen.
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
        told = controller.log.tells(pods) if pods else frozenset()
        if told:
            return controller, told
    return None, frozenset()


def taken_by_own_kinds(manifests: Sequence[Manifest], path: str, host: str, headers: Headers) -> str | None:
    """Return the Service to which an object of a controller's own kinds sends a request; None where none takes it."""
    found = (routes.takes(manifests, path, host, headers) for routes in _ROUTES)
    return next((service for service in found if service), None)


def has_unread_routes(manifests: Iterable[Manifest]) -> bool:
    """Return whether some objects of a controller's own kinds say more than is understood."""
    manifests = tuple(manifests)
    return any(routes.has_unread(manifests) for routes in _ROUTES)


def is_share(ingress: Manifest) -> bool:
    """Return whether an Ingress is no rule of its own, but takes a share of another's requests."""
    return any(routes.is_share(ingress) for routes in _ROUTES)


def share_takes(ingress: Manifest, headers: Headers) -> bool:
    """Return whether such an Ingress takes a request for certain."""
    return any(routes.share_takes(ingress, headers) for routes in _ROUTES)


def has_regex_paths(ingress: Manifest) -> bool:
    """Return whether the paths of an Ingress are regular expressions."""
    return any(routes.is_regex(ingress) for routes in _ROUTES)
