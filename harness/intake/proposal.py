"""Work out an Experiment for a workload: where requests go, what to change, and which remedy to compare with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.controllers.registry import INGRESS_CONTROLLERS, requests_of_own_kinds
from harness.errors import InvalidInputError, Problem
from harness.experiment.objects import WorkloadObjects
from harness.kube.ingresses import class_of
from harness.kube.manifests import name_of
from harness.kube.nested import at
from harness.model.change_facts import TargetKind
from harness.model.controllers import CONTROLLERS, DEFAULT, NO_CONTROLLER
from harness.problem_codes import ProblemCode

#: Routes and Deployments that a first Experiment uses; more would take longer than somebody waits for a first answer.
MOST_ROUTES = 8
MOST_DEPLOYMENTS = 3
#: The shortest preStop sleep that outlasts an ingress controller's sync, in seconds, with a reserve.
PRE_STOP_SECONDS = 6
#: The first character of a regular expression in a path.
_REGEX = re.compile(r"[()\[\]{}*+?|^$\\]")

#: Ports of Services for people, where there are several.
_WEB_PORTS = frozenset({80, 8080, 3000, 5000, 8000})
#: Kinds other than Deployments whose pods serve requests; the last belongs to Argo Rollouts.
_WITH_PODS = frozenset({"StatefulSet", "DaemonSet", "Pod", "Rollout"})

Patch = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ProposedRoute:
    """A request to send.

    Attributes:
        path: Its path.
        host: Its ``Host`` header; empty where the rule takes any.
        service: The Service that it is routed to.
        name: Its name, if another request has the same path.
    """

    path: str
    host: str
    service: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An Experiment for a workload.

    Attributes:
        ingress: The word of the controller.
        entry: The Service that traffic goes straight to; empty with an ingress.
        routes: Requests to send, at least one.
        deployments: Deployments behind the routes, to be changed.
        sets: Field and name of each StatefulSet and DaemonSet behind the routes; empty if a Deployment serves a route.
        replicated: Those of the Deployments with more than one replica.
        tls: True if the routes are served over HTTPS, to which HTTP is redirected.
        remedies: A patch for each Deployment that lacks a preStop hook or a readiness probe.
        left: Deployments and routes that are not used, for a comment.
    """

    ingress: str
    entry: str
    routes: tuple[ProposedRoute, ...]
    deployments: tuple[str, ...]
    replicated: tuple[str, ...]
    remedies: tuple[Patch, ...]
    tls: bool = False
    left: tuple[str, ...] = ()
    sets: tuple[tuple[str, str], ...] = ()


def propose(objects: Sequence[Mapping[str, Any]], ingress: str = "") -> Proposal:
    """Return an Experiment for these objects.

    Args:
        objects: The workload.
        ingress: The controller's word; empty takes the one that the workload is written for.

    Raises:
        InvalidInputError: Nothing in the workload gets requests, or neither a Deployment nor a StatefulSet or DaemonSet
            serves its routes.
    """
    found = WorkloadObjects(objects)
    word = ingress or _controller(objects)
    answered = _answered_by_the_ingress(objects) if word == DEFAULT.word else {}
    reached = [each for each in objects if id(each) not in answered]
    routes = _named(dict.fromkeys(_routes(reached, found))) if word != NO_CONTROLLER.word else []
    entry = ""
    if not routes and answered:
        message = f"no route leads to a pod: {'; '.join(answered.values())}"
        hint = "write an Experiment whose paths have the headers or the statuses that are right"
        raise InvalidInputError([Problem(message, hint=hint, code=ProblemCode.NO_ENTRY)])
    if not routes:
        word, entry = NO_CONTROLLER.word, _entry(found, objects)
        routes = [ProposedRoute("/", "", entry)]
    behind = {route: _behind(route, found) for route in routes}
    deployments = list(dict.fromkeys(name for names in behind.values() for name in names))
    in_sets = {route: _sets_behind(route, found) for route in routes if not behind[route]}
    sets = list(dict.fromkeys(each for named in in_sets.values() for each in named))
    if not deployments and not sets:
        raise InvalidInputError(list(_without_deployment(routes, found, objects)))
    idle = [route for route, names in behind.items() if not names and (deployments or not in_sets[route])]
    routes = [route for route in routes if route not in idle]
    used = deployments[:MOST_DEPLOYMENTS]
    left = [f"Deployment {name}" for name in deployments[MOST_DEPLOYMENTS:]]
    left += [*answered.values(), *(_why_idle(route, in_sets[route]) for route in idle)]
    left += [f"path {route.path} of {route.host or 'any host'}" for route in routes[MOST_ROUTES:]]
    return Proposal(
        ingress=word,
        entry=entry,
        routes=tuple(routes[:MOST_ROUTES]),
        deployments=tuple(used),
        replicated=tuple(name for name in used if found.replicas(name) > 1),
        remedies=tuple(patch for name in used if (patch := _remedy(found, name))),
        tls=word == DEFAULT.word and _has_tls(objects),
        left=tuple(left),
        sets=() if deployments else tuple(sets[:MOST_DEPLOYMENTS]),
    )


def _behind(route: ProposedRoute, found: WorkloadObjects) -> list[str]:
    """Return the Deployments that serve a route."""
    selector = found.selector(route.service)
    return found.deployments_with(selector) if selector else []


def _sets_behind(route: ProposedRoute, found: WorkloadObjects) -> list[tuple[str, str]]:
    """Return field and name of each StatefulSet and DaemonSet that serves a route."""
    selector = found.selector(route.service)
    kinds = (TargetKind.STATEFUL_SET, TargetKind.DAEMON_SET) if selector else ()
    return [(kind.field, name) for kind in kinds for name in found.named(selector, kind)]


def _why_idle(route: ProposedRoute, sets: Sequence[tuple[str, str]]) -> str:
    """Return why the requests of a route are not sent, as the end of a sentence."""
    if not sets:
        return f"Service {route.service}, which has no Deployment"
    ((field, name), *_) = sets
    change = f"restart: {{{field}: {name}}}"
    return f"Service {route.service} of {field} {name}: with --cluster kind, add its path and the change {change}"


def _named(routes: Iterable[ProposedRoute]) -> list[ProposedRoute]:
    """Return routes of which each has a key of its own: those that share their path get a name of host and path."""
    routes = list(routes)
    paths = Counter(route.path for route in routes)
    return [
        replace(route, name=f"{route.host or 'any'}{route.path}") if paths[route.path] > 1 else route
        for route in routes
    ]


#: Annotations of ingress-nginx with which no request, or none without further headers, reaches a pod.
_ANSWERED = {
    "permanent-redirect": "is redirected",
    "temporal-redirect": "is redirected",
    "auth-type": "asks for credentials",
    "whitelist-source-range": "accepts only some clients",
    "allowlist-source-range": "accepts only some clients",
}


def _answered_by_the_ingress(objects: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Return the Ingresses whose requests ingress-nginx answers by itself, by their identity, with a clause on each."""
    found = {}
    for each in (one for one in objects if one.get("kind") == "Ingress"):
        annotations = at(each, "metadata", "annotations") or {}
        for name, clause in _ANSWERED.items():
            if annotations.get(f"nginx.ingress.kubernetes.io/{name}"):
                found[id(each)] = f"Ingress {name_of(each)} {clause} ({name})"
    return found


def _without_deployment(
    routes: Sequence[ProposedRoute], found: WorkloadObjects, objects: Sequence[Mapping[str, Any]]
) -> Iterator[Problem]:
    """Yield a problem for each Service of the routes, none of which has a Deployment."""
    for name in sorted({route.service for route in routes}):
        service, selector = found.find("Service", name), found.selector(name)
        hint = _hint_for(objects, found)
        if service is None:
            message = f"the Service {name} is not among these manifests"
        elif at(service, "spec", "type") == "ExternalName":
            message = f"the Service {name} leads out of the cluster, where nothing can be changed (ExternalName)"
            hint = "keep traffic on it and look for outages: harness watch URL"
        elif not selector:
            message = f"no Deployment stands behind the Service {name}: it has no selector"
        else:
            labels = ", ".join(f"{key}={value}" for key, value in selector.items())
            message = f"no Deployment stands behind the Service {name}: none has pods with its labels ({labels})"
        yield Problem(message, hint=hint, code=ProblemCode.NO_ENTRY)


def _controller(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return the controller that a workload is written for: by its own kinds, or by the class of its Ingresses."""
    for word, controller in INGRESS_CONTROLLERS.items():
        if controller.own_api and any(each.get("apiVersion") == controller.own_api for each in objects):
            return word
    classes = {class_of(each) for each in objects if each.get("kind") == "Ingress"}
    return next((word for word, facts in CONTROLLERS.items() if facts.ingress_class in classes - {""}), DEFAULT.word)


def _routes(objects: Sequence[Mapping[str, Any]], found: WorkloadObjects) -> Iterator[ProposedRoute]:
    for ingress in (each for each in objects if each.get("kind") == "Ingress"):
        for rule in at(ingress, "spec", "rules") or []:
            host = _any_host(str(rule.get("host") or ""))
            for written in at(rule, "http", "paths") or []:
                path = concrete(str(written.get("path") or "/"))
                if service := found.service_at(path, host):
                    yield ProposedRoute(path, host, service)
        if service := at(ingress, "spec", "defaultBackend", "service", "name"):
            yield ProposedRoute("/", "", str(service))
    for path, host in requests_of_own_kinds(objects):
        if service := found.service_at(path, host):
            yield ProposedRoute(path, host, service)


def _has_tls(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if an Ingress has a certificate; ingress-nginx then serves every host over HTTPS."""
    return any(each.get("kind") == "Ingress" and at(each, "spec", "tls") for each in objects)


def _any_host(host: str) -> str:
    """Return a host that a rule takes: a wildcard stands for any one label."""
    return f"www{host[1:]}" if host.startswith("*.") else host


def concrete(path: str) -> str:
    """Return a path that a rule's path takes, which may be a regular expression."""
    match = _REGEX.search(path)
    plain = path[: match.start()] if match else path
    return plain if plain.startswith("/") else f"/{plain}"


def _entry(found: WorkloadObjects, objects: Sequence[Mapping[str, Any]]) -> str:
    """Return the Service that gets all traffic where there is no Ingress.

    Raises:
        InvalidInputError: There is no Service with pods.
    """
    served = [
        name for name in found.names("Service") if found.selector(name) and found.deployments_with(found.selector(name))
    ]
    if served:
        return max(served, key=lambda name: _openness(found.find("Service", name)))
    message = "nothing in these manifests gets requests: there is no Ingress, and no Service of a Deployment"
    raise InvalidInputError([Problem(message, hint=_hint_for(objects, found), code=ProblemCode.NO_ENTRY)])


def _openness(service: Mapping[str, Any] | None) -> tuple[bool, bool]:
    """Return how likely a Service is to get requests from outside: by its type, then by its first port."""
    port = (at(service, "spec", "ports") or [{}])[0]
    web = str(port.get("name") or "").startswith("http") or port.get("port") in _WEB_PORTS
    return at(service, "spec", "type") in {"LoadBalancer", "NodePort"}, web


def _hint_for(objects: Sequence[Mapping[str, Any]], found: WorkloadObjects) -> str:
    running = [f"{each.get('kind')} {name_of(each)}" for each in objects if each.get("kind") in _WITH_PODS]
    if running:
        return f"changes are made to Deployments; these manifests have {', '.join(running)}"
    if not found.names("Service"):
        return "add the Service that selects the pods, and the Ingress that leads to it, or name their files as well"
    return "compare the selector of the Service with the labels of the pod template"


def _remedy(found: WorkloadObjects, deployment: str) -> Patch | None:
    """Return a patch with what a Deployment's containers lack: a preStop sleep, a readiness probe."""
    containers = []
    for container in found.containers(deployment):
        ports = [each for each in container.get("ports") or () if each.get("protocol", "TCP") == "TCP"]
        if not ports:
            continue
        patch: Patch = {}
        if not at(container, "lifecycle", "preStop"):
            patch["lifecycle"] = {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}}
        if not container.get("readinessProbe"):
            patch["readinessProbe"] = {"tcpSocket": {"port": ports[0]["containerPort"]}, "periodSeconds": 1}
        if patch:
            containers.append({"name": container["name"], **patch})
    if not containers:
        return None
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
