"""The ingress controller ingress-nginx."""

from harness.controllers.base import IngressController, KindManifests
from harness.controllers.nginx.log import LOG
from harness.controllers.nginx.routes import ROUTES
from harness.controllers.nginx.sharing import SHARING
from harness.model.controllers import ControllerFacts


def ingress_controller(facts: ControllerFacts) -> IngressController:
    """Return the controller with these facts."""
    kind = KindManifests(image="ingress-nginx", folders=("ingress-nginx",), node_port=30080)
    return IngressController(facts=facts, log=LOG, sharing=SHARING, kind=kind, routes=ROUTES)
