"""Faults on the way of a request through Traefik: it logs each one, and answers the request with an error.

A reference to nothing removes the whole router, and Traefik answers 404. That holds for a Service, one of its ports, a
TraefikService, a Middleware, and a ServersTransport, also inside of a TraefikService, a chain or an error page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.controllers.base import OWN_NAMESPACE, RoutedRequest, RouteFault, Surroundings
from harness.controllers.traefik.namespaced import MIDDLEWARES, NAMED_KINDS, PROVIDER, SERVERS_TRANSPORT
from harness.controllers.traefik.routes import can_read, precedence, rule_takes
from harness.kube.manifests import name_of
from harness.kube.nested import at, indexed_maps
from harness.kube.schema import Path
from harness.model.annotations import TRAEFIK
from harness.model.controllers import reads_annotation
from harness.model.experiment import Manifest
from harness.problem_codes import ProblemCode

_SCHEMES = ("http", "https", "h2c")
_TLS = f"{TRAEFIK}router.tls"
_PRIORITY = f"{TRAEFIK}router.priority"
_SCHEME = f"{TRAEFIK}service.serversscheme"
#: The service that answers 418 in every Traefik; the others of this provider have to be enabled.
_ALWAYS_INTERNAL = "noop@internal"
_ANSWERS_404 = "so that Traefik answers 404"
_BY_SECRET = ("basicAuth", "digestAuth")
#: Type of a Middleware -> paths of the names of Secrets in it.
_SECRETS: Mapping[str, Sequence[tuple[str, ...]]] = {
    **dict.fromkeys(_BY_SECRET, (("secret",),)),
    "forwardAuth": (("tls", "caSecret"), ("tls", "certSecret")),
}
_ONLY_HTTPS = "it serves HTTPS only, and Traefik has no entry point for that here"


@dataclass(frozen=True, slots=True)
class _Place:
    """A field of an object; ``passed`` has the kinds and names of the objects on the way to it."""

    manifest: Manifest
    path: Path
    passed: frozenset[str] = frozenset()

    def at(self, *path: str | int) -> _Place:
        return _Place(self.manifest, (*self.path, *path), self.passed)

    def fault(self, code: ProblemCode, message: str, hint: str = "") -> RouteFault:
        return RouteFault(self.manifest, self.path, code, message, hint)

    def missing(self, what: str, hint: str) -> RouteFault:
        """Return the fault that something does not exist."""
        return self.fault(ProblemCode.MISSING_REFERENCE, f"{what}, {_ANSWERS_404}", hint)


def faults_on_the_way(
    manifests: Sequence[Manifest], request: RoutedRequest, surroundings: Surroundings
) -> Iterator[RouteFault]:
    """Yield the faults for which a request gets an error in place of an answer of its Service.

    Args:
        manifests: The objects of the workload.
        request: The request.
        surroundings: The knowledge about the cluster; what it may have besides the workload is no fault.
    """
    check = _Check(manifests, surroundings)
    taken = _taking(manifests, request)
    for place, route in taken:
        yield from check.route(place, route)
    if not taken and request.ingress is not None and reads_annotation(surroundings.controller, MIDDLEWARES):
        yield from check.ingress(request.ingress)
        yield from check.annotated_service(request.service)


def _taking(manifests: Sequence[Manifest], request: RoutedRequest) -> list[tuple[_Place, Mapping[str, Any]]]:
    """Return the route that takes a request; if none certainly does and no Ingress does, return all that may."""
    routes = [
        (_Place(manifest, ("spec", "routes", index)), route)
        for manifest in manifests
        if manifest.get("kind") == "IngressRoute"
        for index, route in indexed_maps(at(manifest, "spec", "routes"))
    ]
    for found in sorted(routes, key=lambda each: precedence(each[1]), reverse=True):
        if rule_takes(str(found[1].get("match") or ""), request.path, request.host, request.headers):
            return [found]
    unread = [each for each in routes if not can_read(str(each[1].get("match") or ""))]
    return unread if request.ingress is None else []


class _Check:
    def __init__(self, manifests: Sequence[Manifest], surroundings: Surroundings) -> None:
        self._manifests = manifests
        self._known = surroundings

    def route(self, place: _Place, route: Mapping[str, Any]) -> Iterator[RouteFault]:
        """Yield the faults of a route of an IngressRoute."""
        if route.get("kind") not in (None, "", "Rule"):
            message = f"its kind is {route['kind']}; Traefik knows only Rule, and ignores the route"
            yield place.at("kind").fault(ProblemCode.WRONG_VALUE, message, "write kind: Rule")
        yield from self._tls(_Place(place.manifest, ("spec", "tls")), at(place.manifest, "spec"))
        yield from self._middlewares(place.at("middlewares"), route.get("middlewares"))
        services = indexed_maps(route.get("services"))
        if not services and not any(at(each, "spec", "parentRefs") for each in self._manifests):
            yield place.fault(ProblemCode.REQUIRED, f"the route names no Service, {_ANSWERS_404}", "add services")
        for index, service in services:
            yield from self._service(place.at("services", index), service)

    def ingress(self, ingress: Manifest) -> Iterator[RouteFault]:
        """Yield the faults of the annotations of an Ingress."""
        for name, value in _annotations(ingress):
            place, lowered = _Place(ingress, ("metadata", "annotations", name)), name.lower()
            if lowered == MIDDLEWARES:
                for reference in filter(None, (each.strip() for each in value.split(","))):
                    yield from self._annotated(place, reference)
            elif lowered == _PRIORITY and not value.lstrip("+-").isdecimal():
                message = f"its value {value} is no whole number, so that Traefik ignores the Ingress"
                yield place.fault(ProblemCode.WRONG_VALUE, message)
            elif self._known.settings and (lowered.startswith(f"{_TLS}.") or (lowered == _TLS and _is_true(value))):
                yield place.fault(ProblemCode.NO_ROUTE, _ONLY_HTTPS, "leave it out, or use a cluster of your own")

    def annotated_service(self, name: str) -> Iterator[RouteFault]:
        """Yield the faults of the annotations of a Service behind an Ingress."""
        service = self._find("Service", name)
        for annotation, value in _annotations(service or {}):
            place, lowered = _Place(service or {}, ("metadata", "annotations", annotation)), annotation.lower()
            if lowered == SERVERS_TRANSPORT:
                yield from self._annotated(place, value.strip())
            elif lowered == _SCHEME and value not in _SCHEMES:
                message = f"Traefik has no scheme {value}, so that it answers 500"
                yield place.fault(ProblemCode.WRONG_VALUE, message, f"write one of {', '.join(_SCHEMES)}")

    def _tls(self, place: _Place, spec: Any) -> Iterator[RouteFault]:
        if not isinstance(spec, Mapping) or spec.get("tls") is None:
            return
        name = at(spec, "tls", "options", "name")
        if self._known.settings:
            yield place.fault(ProblemCode.NO_ROUTE, _ONLY_HTTPS, "leave out tls, or use a cluster of your own")
        elif (
            isinstance(name, str)
            and "@" not in name
            and not at(spec, "tls", "options", "namespace")
            and self._find("TLSOption", name) is None
        ):
            what = f"the TLSOption {name} is not part of the workload"
            yield place.at("options").missing(what, "add it to the workload, or leave out options")

    def _annotated(self, place: _Place, reference: str) -> Iterator[RouteFault]:
        """Yield the fault of a reference in an annotation: ``NAMESPACE-strip@kubernetescrd``."""
        kind = NAMED_KINDS[str(place.path[-1]).lower()]
        name = reference.removeprefix(f"{OWN_NAMESPACE}-").removesuffix(PROVIDER)
        if reference == f"{OWN_NAMESPACE}-{name}{PROVIDER}":
            found = self._find(kind, name)
            if found is None:
                what = f"the {kind} {name} is not part of the workload"
                yield place.missing(what, "add it to the workload, or leave out the annotation")
            elif kind == "Middleware":
                yield from self._of_middleware(_Place(found, (), place.passed))
        elif "@" not in reference and kind == "Middleware":
            what = f"{reference} names no Middleware without the name of a provider"
            yield place.missing(what, f"write {OWN_NAMESPACE}-NAME{PROVIDER}")
        elif self._known.settings:
            what = f"{reference} names nothing that a trial has, whose namespace is its own"
            yield place.missing(what, f"write {OWN_NAMESPACE}-NAME{PROVIDER} for a {kind} of the workload")

    def _middlewares(self, place: _Place, references: Any) -> Iterator[RouteFault]:
        for index, reference in indexed_maps(references):
            here, name = place.at(index), str(reference.get("name") or "")
            if "@" in name or reference.get("namespace"):
                yield from self._elsewhere(here, "Middleware", reference)
            elif (found := self._find("Middleware", name)) is None:
                what = f"the Middleware {name} is not part of the workload"
                yield here.missing(what, "add it to the workload, or leave out the reference")
            else:
                yield from self._of_middleware(_Place(found, (), here.passed))

    def _of_middleware(self, whole: _Place) -> Iterator[RouteFault]:
        """Yield the faults of a Middleware."""
        name, place = name_of(whole.manifest), _Place(whole.manifest, ("spec",), whole.passed)
        if f"Middleware {name}" in whole.passed:
            yield place.fault(ProblemCode.CONFLICT, f"its chain leads to itself, {_ANSWERS_404}")
            return
        place = _Place(whole.manifest, ("spec",), whole.passed | {f"Middleware {name}"})
        spec = at(whole.manifest, "spec")
        types = [key for key, value in spec.items() if value is not None] if isinstance(spec, Mapping) else []
        if len(types) != 1:
            fault = "has no type" if not types else f"has several types ({', '.join(types)})"
            code = ProblemCode.CONFLICT if types else ProblemCode.REQUIRED
            yield place.fault(code, f"it {fault}, {_ANSWERS_404}", "write one Middleware for each type")
            return
        yield from self._of_type(place.at(types[0]), types[0], spec[types[0]])

    def _of_type(self, place: _Place, word: str, value: Any) -> Iterator[RouteFault]:
        if word == "plugin" and self._known.settings:
            message = f"Traefik runs no plugin here, {_ANSWERS_404}"
            hint = "leave it out, or use a cluster of your own"
            yield place.fault(ProblemCode.FIELD_NOT_IMPLEMENTED, message, hint)
        elif word == "chain":
            yield from self._middlewares(place.at("middlewares"), at(value, "middlewares"))
        elif word in _BY_SECRET and not at(value, "secret"):
            yield place.fault(ProblemCode.REQUIRED, f"it names no Secret, {_ANSWERS_404}", "write secret: NAME")
        elif word == "errors" and isinstance(at(value, "service"), Mapping):
            yield from self._service(place.at("service"), value["service"])
        for path in _SECRETS.get(word, ()) if self._known.secrets else ():
            name = at(value, *path)
            if isinstance(name, str) and name and self._find("Secret", name) is None:
                what = f"the Secret {name} is not part of the workload"
                yield place.at(*path).missing(what, "add it to the workload")

    def _service(self, place: _Place, reference: Mapping[str, Any]) -> Iterator[RouteFault]:
        """Yield the faults of a reference to a Service or a TraefikService."""
        name = str(reference.get("name") or "")
        kind = "TraefikService" if reference.get("kind") == "TraefikService" else "Service"
        yield from self._middlewares(place.at("middlewares"), reference.get("middlewares"))
        if "@" in name or reference.get("namespace"):
            if name != _ALWAYS_INTERNAL:
                yield from self._elsewhere(place, kind, reference)
        elif (found := self._find(kind, name)) is None:
            what = f"the {kind} {name} is not part of the workload"
            yield place.missing(what, "add it to the workload, or leave out the reference")
        elif kind == "Service":
            yield from self._balancer(place, found, reference)
        elif f"{kind} {name}" not in place.passed:
            inner = _Place(found, ("spec",), place.passed | {f"{kind} {name}"})
            for path, each in _inner(at(found, "spec")):
                yield from self._service(inner.at(*path), each)

    def _balancer(self, place: _Place, service: Manifest, reference: Mapping[str, Any]) -> Iterator[RouteFault]:
        wanted, ports = reference.get("port"), [port for _, port in indexed_maps(at(service, "spec", "ports"))]
        names = [each for port in ports for each in (port.get("port"), port.get("name")) if each]
        if at(service, "spec", "type") == "ExternalName" and self._known.settings:
            message = f"Traefik sends nothing to Services of type ExternalName here, {_ANSWERS_404}"
            yield place.at("name").fault(ProblemCode.NO_ROUTE, message, "use a cluster of your own")
        elif wanted is None:
            message = f"the port of Service {name_of(service)} is missing, {_ANSWERS_404}"
            yield place.fault(ProblemCode.REQUIRED, message, f"write port: {names[0]}" if names else "")
        elif wanted not in names:
            there = ", ".join(map(str, names)) or "none"
            quotes = isinstance(wanted, str) and wanted.isdecimal() and int(wanted) in names
            message = f"Service {name_of(service)} has no port {wanted!r} (it has {there}), {_ANSWERS_404}"
            hint = f"write port: {wanted} without quotes" if quotes else ""
            yield place.at("port").fault(ProblemCode.WRONG_PORT, message, hint)
        scheme, transport = reference.get("scheme"), reference.get("serversTransport")
        if scheme and scheme not in _SCHEMES:
            message = f"Traefik has no scheme {scheme}, {_ANSWERS_404}"
            yield place.at("scheme").fault(ProblemCode.WRONG_VALUE, message, f"write one of {', '.join(_SCHEMES)}")
        known = self._known.settings or (isinstance(transport, str) and "@" not in transport)
        if transport and known and self._find("ServersTransport", str(transport)) is None:
            what = f"the ServersTransport {transport} is not part of the workload"
            yield place.at("serversTransport").missing(what, "add it to the workload, or leave out the field")

    def _elsewhere(self, place: _Place, kind: str, reference: Mapping[str, Any]) -> Iterator[RouteFault]:
        """Yield the fault of a reference to another provider or namespace, if Traefik's settings are known."""
        if not self._known.settings:
            return
        name, namespace = str(reference.get("name") or ""), reference.get("namespace")
        bare = name.partition("@")[0]
        if namespace:
            what = f"the {kind} {name} is in namespace {namespace}, which Traefik does not allow here"
        else:
            what = f"Traefik has no {kind} {name} here"
        is_own = self._find(kind, bare) is not None
        hint = f"write name: {bare}, without provider and namespace" if is_own else "use a cluster of your own"
        yield place.missing(what, hint)

    def _find(self, kind: str, name: str) -> Manifest | None:
        return next((m for m in self._manifests if m.get("kind") == kind and name_of(m) == name), None)


def _inner(spec: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield every reference of a TraefikService, with its path in the specification."""
    for shared in ("weighted", "highestRandomWeight"):
        for index, each in indexed_maps(at(spec, shared, "services")):
            yield (shared, "services", index), each
    if isinstance(mirroring := at(spec, "mirroring"), Mapping):
        yield ("mirroring",), mirroring
        for index, each in indexed_maps(mirroring.get("mirrors")):
            yield ("mirroring", "mirrors", index), each
    for part in ("service", "fallback"):
        if isinstance(each := at(spec, "failover", part), Mapping):
            yield ("failover", part), each


def _annotations(manifest: Manifest) -> list[tuple[str, str]]:
    found = at(manifest, "metadata", "annotations")
    return [(str(name), str(value)) for name, value in found.items()] if isinstance(found, Mapping) else []


def _is_true(value: str) -> bool:
    return value.strip().lower() == "true"
