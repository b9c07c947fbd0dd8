"""The ingress controller Traefik, with its own Ingress provider or with the one for ingress-nginx's annotations."""

from dataclasses import replace

from harness.controllers.base import IngressController, KindManifests, Routes
from harness.controllers.nginx.sharing import SHARING as BY_ANNOTATIONS
from harness.controllers.traefik.faults import faults_on_the_way
from harness.controllers.traefik.log import LOG
from harness.controllers.traefik.namespaced import in_namespace, without_namespace
from harness.controllers.traefik.routes import has_unread_rules, requests_of_routes, taken_by_route
from harness.controllers.traefik.sharing import SHARING
from harness.kube.custom.traefik import GROUP_VERSION
from harness.model.controllers import CONTROLLERS

ROUTES = Routes(
    takes=taken_by_route,
    has_unread=has_unread_rules,
    requests=requests_of_routes,
    faults=faults_on_the_way,
    without_namespace=without_namespace,
    in_namespace=in_namespace,
)
KIND = KindManifests(image="traefik", folders=("traefik",), node_port=30800)
TRAEFIK = IngressController(
    facts=CONTROLLERS["traefik"],
    log=LOG,
    sharing=SHARING,
    kind=KIND,
    routes=ROUTES,
    own_api=GROUP_VERSION,
)
TRAEFIK_NGINX = replace(
    TRAEFIK,
    facts=CONTROLLERS["traefik-nginx"],
    sharing=BY_ANNOTATIONS,
    kind=replace(KIND, folders=("traefik", "traefik-nginx")),
)
