"""The ingress controller ingress-nginx."""

from harness.controllers.base import IngressController, KindManifests
from harness.controllers.nginx.log import LOG
from harness.controllers.nginx.routes import ROUTES
from harness.controllers.nginx.sharing import SHARING
from harness.model.controllers import CONTROLLERS

INGRESS_NGINX = IngressController(
    facts=CONTROLLERS["ingress-nginx"],
    log=LOG,
    sharing=SHARING,
    kind=KindManifests(image="ingress-nginx", folders=("ingress-nginx",), node_port=30080),
    routes=ROUTES,
)
