"""What can be found out about a change in place before anything starts: what is wrong is told at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.clusters.context.access import check_access, rights_in_place
from harness.clusters.context.kubeconfig import KubeContext as Context
from harness.clusters.context.kubeconfig import find_context
from harness.clusters.context.provider import private_kubeconfig
from harness.controllers.registry import find_visible
from harness.errors import InvalidInputError, Problem
from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.reading import check_change
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems
from harness.experiment.schema import LONGEST_INTERVAL
from harness.kit.located_yaml import YamlDocument
from harness.kube.api import Object
from harness.kube.client import Kube
from harness.model.changes import ChangeSpec, NoChange
from harness.model.controllers import NO_CONTROLLER, Aspect, families, signals_of
from harness.model.experiment import Cell, Configuration, Experiment, TrafficPlan
from harness.model.rates import lowest_rate
from harness.observe.scope import Scope
from harness.runner.in_place.reading import Found, as_evidence, look, others, related
from harness.runner.in_place.targets import Target, parse_change, parse_target
from harness.runner.in_place.trial import Live
from harness.runner.plan import InPlacePlan
from harness.runner.watch.plan import Origin
from harness.runner.watch.request import WatchRequest, origins_of


@dataclass(frozen=True, slots=True)
class InPlaceRequest:
    """What the user asked for.

    Attributes:
        target: ``deployment/apple``.
        change: ``restart``, or a change as an Experiment has it.
        namespace: The target's namespace.
        context: Context of the kubeconfig.
        kubeconfig: The file; empty for the user's own.
        requests: What is sent.
        baseline: Seconds of traffic before the change.
        settle: Seconds of traffic after everything has come to rest.
        control: Seconds in which nothing is changed, before the change's own trial.
        hold: Seconds that a change stays, before it is put back.
    """

    target: str
    change: str
    namespace: str
    context: str
    kubeconfig: str
    requests: WatchRequest
    baseline: float
    settle: float
    control: float
    hold: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change in place, found to be possible.

    Attributes:
        experiment: The control and the change, as an Experiment's cells.
        plan: Where it takes place.
        live: The application.
        context: The cluster.
        origin: Where traffic enters.
        version: The API server's version.
    """

    experiment: Experiment
    plan: InPlacePlan
    live: Live
    context: Context
    origin: Origin
    version: str

    @property
    def change(self) -> ChangeSpec:
        """What is changed."""
        return self.experiment.cells[-1].change


def prepare(request: InPlaceRequest) -> Prepared:
    """Read the application and check the request against it; changes nothing.

    Raises:
        InvalidInputError: Something in the request can't be.
        KubeError: The API server does not answer.
    """
    if not request.namespace:
        raise InvalidInputError([Problem("--in-place needs the namespace: -n NAME", hint="it is never guessed")])
    target = parse_target(request.target)
    change = parse_change(request.change, target)
    origin = _origin(request)
    context = find_context(request.context, request.kubeconfig)
    with private_kubeconfig(context) as path, Kube(path) as kube:
        version = kube.server_version()
        check_access(kube, context.context, rights_in_place([change.kind]), namespace=request.namespace)
        found = look(kube, target, request.namespace)
        told = find_visible(kube)[1]
    _check(change, found, origin.traffic, told)
    objects = related(found, target, change)
    experiment = _experiment(request, target, _answering(change, origin.traffic), origin, objects=objects)
    names = {kind: frozenset(o["metadata"]["name"] for o in objects if o["kind"] == kind) for kind in _kinds(objects)}
    scope = Scope(
        {o["metadata"]["name"]: o["spec"]["selector"] for o in objects if o["kind"] == "Deployment"},
        names.get("Service", frozenset()),
    )
    plan = InPlacePlan(
        target=str(target),
        namespace=request.namespace,
        context=context.context,
        kubeconfig=_files(request.kubeconfig),
        cluster=context.cluster,
        server=context.server,
        watched=tuple(f"{o['kind']}/{o['metadata']['name']}" for o in objects),
        notes=others(objects, found.autoscalers),
    )
    # A hold of the change's own is counted from when it was applied, and is all there is.
    live = Live(request.namespace, scope, names, 0.0 if change.own_hold else request.hold)
    return Prepared(experiment, plan, live, context, origin, version)


def _kinds(objects: tuple[Object, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(obj["kind"] for obj in objects))


def _files(kubeconfig: str) -> str:
    """The kubeconfig as it is found again from another folder and by another shell."""
    told = kubeconfig or os.environ.get("KUBECONFIG", "")
    return ":".join(str(Path(part).absolute()) for part in told.split(":") if part)


def _origin(request: InPlaceRequest) -> Origin:
    if not request.requests.urls:
        raise InvalidInputError([Problem("--in-place needs the address that users have: --url URL")])
    origins = origins_of(request.requests)
    if len(origins) > 1:
        names = ", ".join(origin.url for origin in origins)
        raise InvalidInputError([Problem(f"--url: one scheme, host and port, with any paths; these are {names}")])
    traffic = replace(origins[0].traffic, baseline=request.baseline, settle=request.settle)
    streams = len(traffic.routes) * len(traffic.methods) * len(traffic.shapes)
    if lowest_rate(traffic.rate) * LONGEST_INTERVAL < streams:
        least = f"{streams / LONGEST_INTERVAL:.0f}/s or more"
        message = (
            f"--rate: each of {streams} streams (path x method x connection) needs a request at least every"
            f" {LONGEST_INTERVAL:g} s"
        )
        raise InvalidInputError([Problem(message, hint=least)])
    return replace(origins[0], traffic=traffic)


def _check(change: ChangeSpec, found: Found, traffic: TrafficPlan, told: frozenset[str]) -> None:
    """Hold the change against what is there, and against what can be seen here."""
    problems = Problems(YamlDocument(None, "--change", 0, {}))
    check_change(change, (change.kind,), CheckContext(WorkloadObjects(found.objects), problems, whole="namespace"))
    wrong = [*problems.found, *_unseen(change, traffic, told)]
    if wrong:
        raise InvalidInputError([replace(problem, file="--change", line=0) for problem in wrong])


def _namespaces() -> str:
    """Return the namespaces of all ingress controllers that can be seen, for people."""
    return " or ".join(facts.address.namespace for facts in families() if facts.address is not None)


#: The problem where the ingress controller can't be seen to put this into effect.
_UNSEEN: Mapping[Aspect, Problem] = {
    Aspect.ENDPOINTS: Problem(
        "the ingress controller's log does not show here whether traffic has followed the selector",
        hint="answer: the body that only the new pods give",
    ),
    Aspect.RULES: Problem(
        "the ingress controller's log does not show here whether it has loaded the edit, so nothing could be concluded",
        hint=f"it takes the right to list pods and read logs in the namespace {_namespaces()}",
    ),
}


def _unseen(change: ChangeSpec, traffic: TrafficPlan, told: frozenset[str]) -> Iterator[Problem]:
    """What could never be observed."""
    pinned = any(route.answers for route in traffic.routes)
    if change.new_answer:
        return
    if change.takes_answer and pinned:
        hint = "answer: the body that only they give"
        yield Problem(
            "with --expect-body, the answer of the new pods must be said: it is right from then on", hint=hint
        )
    elif change.facts.awaits_ingress is not None and not signals_of(change.facts.awaits_ingress, told):
        yield _UNSEEN[change.facts.awaits_ingress]


def _answering(change: ChangeSpec, traffic: TrafficPlan) -> ChangeSpec:
    """The change with its answer right on every path that says what is."""
    pinned = [route.key for route in traffic.routes if route.answers]
    return replace(change, answers={**change.answers_on(pinned), **change.answers})


def _experiment(
    request: InPlaceRequest, target: Target, change: ChangeSpec, origin: Origin, *, objects: tuple[Object, ...]
) -> Experiment:
    manifests = tuple(as_evidence(obj) for obj in objects)
    row = Configuration((("in-place", target.name),), manifests)
    control = NoChange(name=NoChange.kind, hold=request.control)
    return Experiment(
        name=f"{change.kind}-{target.name}",
        source="",
        files=(),
        ingress=NO_CONTROLLER.word,
        traffic=origin.traffic,
        cells=(Cell(row, control), Cell(row, change)),
        description=f"{change.kind} of {target.kind} {target.name} in namespace {request.namespace}, in place, while "
        f"{', '.join(request.requests.urls)} gets traffic.",
    )
