"""The ingress controller Traefik, with its own Ingress provider or with the one for ingress-nginx's annotations."""

from harness.controllers.base import IngressController, KindManifests, Routes
from harness.controllers.nginx.sharing import SHARING as BY_ANNOTATIONS
from harness.controllers.traefik.faults import faults_on_the_way
from harness.controllers.traefik.log import LOG
from harness.controllers.traefik.namespaced import in_namespace, without_namespace
from harness.controllers.traefik.routes import has_unread_rules, requests_of_routes, taken_by_route
from harness.controllers.traefik.sharing import SHARING
from harness.kube.custom.traefik import GROUP_VERSION
from harness.model.controllers import ControllerFacts

ROUTES = Routes(
    takes=taken_by_route,
    has_unread=has_unread_rules,
    requests=requests_of_routes,
    faults=faults_on_the_way,
    without_namespace=without_namespace,
    in_namespace=in_namespace,
)


def ingress_controller(facts: ControllerFacts) -> IngressController:
    """Return the controller with these facts, or its variant that reads ingress-nginx's annotations."""
    is_variant = facts.word != facts.family
    folders = ("traefik", facts.word) if is_variant else ("traefik",)
    return IngressController(
        facts=facts,
        log=LOG,
        sharing=BY_ANNOTATIONS if is_variant else SHARING,
        kind=KindManifests(image="traefik", folders=folders, node_port=30800),
        routes=ROUTES,
        own_api=GROUP_VERSION,
    )
