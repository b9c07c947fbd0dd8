"""Checks a change in place before anything starts, so that every fault of the request is reported at once."""

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
from harness.experiment.traffic_checks import shortest_baseline
from harness.kit.located_yaml import YamlDocument
from harness.kube.api import Object
from harness.kube.client import Kube
from harness.model.changes import ChangeSpec, NoChange
from harness.model.controllers import NO_CONTROLLER, Aspect, families, signals_of
from harness.model.experiment import Cell, Configuration, Experiment, TrafficPlan
from harness.model.rates import lowest_rate
from harness.observe.scope import Scope
from harness.runner.in_place.namespace import NamespaceObjects, as_evidence, other_managers, read_namespace, related
from harness.runner.in_place.targets import ChangedObject, parse_change, parse_object
from harness.runner.in_place.trial import LiveApplication
from harness.runner.plan import InPlacePlan
from harness.runner.watch.plan import Origin
from harness.runner.watch.request import WatchRequest, origins_of


@dataclass(frozen=True, slots=True)
class InPlaceRequest:
    """A change in place as the user requested it.

    Attributes:
        target: ``deployment/apple``.
        change: ``restart``, or a change as written in an Experiment.
        namespace: The target's namespace.
        context: Context of the kubeconfig.
        kubeconfig: Path of the file; empty for the user's default.
        requests: The traffic to send.
        baseline: Seconds of traffic before the change.
        settle: Seconds of traffic after everything is at rest.
        control: Seconds of the control trial, which changes nothing and comes before the change's own trial.
        hold: Seconds between the change and its undo.
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
class PreparedChange:
    """A change in place that has passed all checks.

    Attributes:
        experiment: The control and the change as cells of an Experiment.
        plan: The object, its namespace and its cluster.
        live: The application.
        context: The cluster.
        origin: The address that receives the traffic.
        version: The API server's version.
    """

    experiment: Experiment
    plan: InPlacePlan
    live: LiveApplication
    context: Context
    origin: Origin
    version: str

    @property
    def change(self) -> ChangeSpec:
        """Return the change."""
        return self.experiment.cells[-1].change


def prepare(request: InPlaceRequest) -> PreparedChange:
    """Read the application, and check the request against it; changes nothing.

    Raises:
        InvalidInputError: The request has faults.
        KubeError: The API server does not answer.
    """
    if not request.namespace:
        raise InvalidInputError([Problem("--in-place needs the namespace: -n NAME", hint="it is never guessed")])
    target = parse_object(request.target)
    change = parse_change(request.change, target)
    origin = _origin(request)
    context = find_context(request.context, request.kubeconfig)
    with private_kubeconfig(context) as path, Kube(path) as kube:
        version = kube.server_version()
        check_access(kube, context.context, rights_in_place([change.kind]), namespace=request.namespace)
        found = read_namespace(kube, target, request.namespace)
        visible = find_visible(kube)[1]
    _check(change, found, origin.traffic, visible)
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
        notes=other_managers(objects, found.autoscalers),
    )
    # A change with a hold of its own counts it from its own application, so no second hold is added.
    live = LiveApplication(request.namespace, scope, names, 0.0 if change.own_hold else request.hold)
    return PreparedChange(experiment, plan, live, context, origin, version)


def _kinds(objects: tuple[Object, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(obj["kind"] for obj in objects))


def _files(kubeconfig: str) -> str:
    """Return the kubeconfig as absolute paths, so that `harness undo` finds it from any folder and shell."""
    paths = kubeconfig or os.environ.get("KUBECONFIG", "")
    return ":".join(str(Path(part).absolute()) for part in paths.split(":") if part)


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
    if request.baseline < (longest := shortest_baseline(traffic)):
        message = f"--baseline {request.baseline:g} s: the change would meet no connection that has waited long enough"
        raise InvalidInputError([Problem(message, hint=f"write --baseline {longest:g}s or more")])
    return replace(origins[0], traffic=traffic)


def _check(change: ChangeSpec, found: NamespaceObjects, traffic: TrafficPlan, visible: frozenset[str]) -> None:
    """Check the change against the objects of the namespace and against the signals that can be observed here."""
    problems = Problems(YamlDocument(None, "--change", 0, {}))
    check_change(change, (change.kind,), CheckContext(WorkloadObjects(found.objects), problems, whole="namespace"))
    wrong = [*problems.found, *_unobservable(change, traffic, visible)]
    if wrong:
        raise InvalidInputError([replace(problem, file="--change", line=0) for problem in wrong])


def _namespaces() -> str:
    """Return the namespaces of all ingress controllers whose signals can be read, as text."""
    return " or ".join(facts.address.namespace for facts in families() if facts.address is not None)


#: The problem to report if the ingress controller's signals can't show that it applied this part.
_UNOBSERVABLE: Mapping[Aspect, Problem] = {
    Aspect.ENDPOINTS: Problem(
        "the ingress controller's log does not show here whether traffic has followed the selector",
        hint="answer: the body that only the new pods give",
    ),
    Aspect.RULES: Problem(
        "the ingress controller's log does not show here whether it has loaded the edit, so nothing could be concluded",
        hint=f"needed: the right to list pods and read logs in the namespace {_namespaces()}",
    ),
}


def _unobservable(change: ChangeSpec, traffic: TrafficPlan, visible: frozenset[str]) -> Iterator[Problem]:
    """Yield a problem if the effect of the change could not be observed."""
    pinned = any(route.answers for route in traffic.routes)
    if change.new_answer:
        return
    if change.takes_answer and pinned:
        hint = "answer: the body that only they give"
        yield Problem(
            "with --expect-body, the change must name the answer of the new pods, which is right from then on",
            hint=hint,
        )
    elif change.awaits_ingress is not None and not signals_of(change.awaits_ingress, visible):
        yield _UNOBSERVABLE[change.awaits_ingress]


def _answering(change: ChangeSpec, traffic: TrafficPlan) -> ChangeSpec:
    """Add the change's new answer to every path that has expected answers."""
    pinned = [route.key for route in traffic.routes if route.answers]
    return replace(change, answers={**change.answers_on(pinned), **change.answers})


def _experiment(
    request: InPlaceRequest, target: ChangedObject, change: ChangeSpec, origin: Origin, *, objects: tuple[Object, ...]
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
