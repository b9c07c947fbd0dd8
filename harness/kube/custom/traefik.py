"""Traefik's custom kinds and the fields of their manifests.

The official client has no models of them. These models are as exact as routing needs: they find unknown fields of
routes, services and weights. They accept anything inside of middlewares and in fields about TLS, TCP and UDP.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.kube.custom.model import CustomGroup, Model

GROUP, VERSION = "traefik.io", "v1alpha1"
GROUP_VERSION = f"{GROUP}/{VERSION}"

#: Kind -> plural, for every kind that Traefik lists when it starts. It does not serve until it has listed all of them.
PLURALS: Mapping[str, str] = {
    "IngressRoute": "ingressroutes",
    "IngressRouteTCP": "ingressroutetcps",
    "IngressRouteUDP": "ingressrouteudps",
    "Middleware": "middlewares",
    "MiddlewareTCP": "middlewaretcps",
    "TraefikService": "traefikservices",
    "ServersTransport": "serverstransports",
    "ServersTransportTCP": "serverstransporttcps",
    "TLSOption": "tlsoptions",
    "TLSStore": "tlsstores",
}


def _model(required: str = "", /, **types: str) -> Model:
    return Model(types, frozenset(required.split()))


def _top(spec: str) -> Model:
    return _model("spec", apiVersion="str", kind="str", metadata="V1ObjectMeta", spec=spec)


#: Fields of a reference to a Service or a TraefikService.
_BALANCER = {
    "name": "str",
    "kind": "str",
    "namespace": "str",
    "middlewares": "list[TraefikReference]",
    "sticky": "TraefikSticky",
    "port": "object",
    "scheme": "str",
    "strategy": "str",
    "passHostHeader": "bool",
    "responseForwarding": "object",
    "serversTransport": "str",
    "weight": "int",
    "nativeLB": "bool",
    "nodePortLB": "bool",
    "healthCheck": "object",
    "passiveHealthCheck": "object",
}

_MIDDLEWARES = (
    "addPrefix basicAuth buffering chain circuitBreaker compress contentType digestAuth encodedCharacters errors"
    " forwardAuth grpcWeb headers inFlightReq ipAllowList ipWhiteList passTLSClientCert plugin rateLimit redirectRegex"
    " redirectScheme replacePath replacePathRegex retry stripPrefix stripPrefixRegex tap"
)

#: Name -> model. Their types may also name models of the official client.
MODELS: Mapping[str, Model] = {
    **{f"Traefik{kind}": _top("object") for kind in PLURALS},
    "TraefikIngressRoute": _top("TraefikRoutes"),
    "TraefikTraefikService": _top("TraefikBalancing"),
    "TraefikMiddleware": _top("TraefikMiddlewares"),
    "TraefikRoutes": _model(
        "routes",
        ingressClassName="str",
        entryPoints="list[str]",
        routes="list[TraefikRoute]",
        tls="object",
        parentRefs="list[TraefikReference]",
    ),
    "TraefikRoute": _model(
        "match",
        match="str",
        kind="str",
        priority="int",
        syntax="str",
        services="list[TraefikBackend]",
        middlewares="list[TraefikReference]",
        observability="object",
    ),
    "TraefikReference": _model("name", name="str", namespace="str"),
    "TraefikBackend": _model("name", **_BALANCER),
    "TraefikMirror": _model("name", **_BALANCER, percent="int"),
    "TraefikBalancing": _model(
        weighted="TraefikWeighted", mirroring="TraefikMirroring", highestRandomWeight="object", failover="object"
    ),
    "TraefikWeighted": _model(services="list[TraefikBackend]", sticky="TraefikSticky"),
    "TraefikMirroring": _model(
        "name", **_BALANCER, mirrorBody="bool", maxBodySize="int", mirrors="list[TraefikMirror]"
    ),
    "TraefikSticky": _model(cookie="TraefikCookie"),
    "TraefikCookie": _model(
        name="str", secure="bool", httpOnly="bool", sameSite="str", maxAge="int", path="str", domain="str"
    ),
    "TraefikMiddlewares": _model(**dict.fromkeys(_MIDDLEWARES.split(), "object")),
}

TRAEFIK = CustomGroup(GROUP, VERSION, PLURALS, "Traefik", MODELS)
