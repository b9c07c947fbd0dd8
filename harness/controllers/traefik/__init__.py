"""The ingress controller Traefik, with its own Ingress provider or with the one for ingress-nginx's annotations."""

from dataclasses import replace

from harness.controllers.base import IngressController, KindManifests
from harness.controllers.nginx.sharing import SHARING as BY_ANNOTATIONS
from harness.controllers.traefik.log import LOG
from harness.controllers.traefik.routes import ROUTES
from harness.controllers.traefik.sharing import SHARING
from harness.kube.custom.traefik import GROUP_VERSION
from harness.model.controllers import CONTROLLERS

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
