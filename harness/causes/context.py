"""Collects the events of a trial that can explain a loss: pods, endpoints, ingress controller, kube-proxy, change.

Times are seconds from the traffic's start.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.analysis.moments import NS, STARTS, Seconds
from harness.analysis.row_facts import Numbers
from harness.causes.pods import PodLifecycle, pod_lifecycles
from harness.experiment.objects import WorkloadObjects
from harness.model.causes import Happening
from harness.model.change_facts import TargetKind
from harness.model.controllers import (
    LONGEST_APPLY_S,
    LONGEST_SYNC_S,
    RELOAD,
    SIGNALS,
    ControllerFacts,
    controller_facts,
)
from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind

#: kube-proxy programs at most once in so many seconds (minSyncPeriod of its default configuration).
KUBE_PROXY_SYNC_S = 1.0
#: Time for the kubelet to see a deletion and for the endpoint to be marked, seconds: measured on kind.
STOP_S = 0.6
#: Events so long before the change are not listed, seconds.
BEFORE_CHANGE_S = 5.0
#: Time that observers may be late, seconds.
SLACK_S = 0.3


@dataclass(frozen=True, slots=True)
class Moment:
    """An event that can explain a loss.

    Attributes:
        at: Its time.
        what: Its kind.
        subject: The pod or Service, or one of two changes; empty if it concerns every request.
        derived: True if it was not observed, but follows from other events.
    """

    at: float
    what: Happening
    subject: str = ""
    derived: bool = False


@dataclass(frozen=True, slots=True)
class EndpointStates:
    """The endpoints of a Service from a time on.

    Attributes:
        at: The time.
        ready: Addresses (``ip:port``) of ready endpoints.
        terminating: Addresses of endpoints that terminate.
    """

    at: float
    ready: frozenset[str]
    terminating: frozenset[str]


@dataclass(frozen=True, slots=True)
class Empty:
    """A period in which a Service had no ready endpoint.

    Attributes:
        service: The Service.
        start: Its start; the first observation of the Service if it had no ready endpoint then.
        end: Its end; infinity if it did not end.
        before: Addresses of the ready endpoints before it.
        after: Addresses of the ready endpoints after it.
    """

    service: str
    start: float
    end: float
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


class LossContext:
    """The events of one trial.

    Attributes:
        facts: Facts of the trial.
        evidence: Its evidence.
        objects: The workload.
        pods: All pods, in order of creation.
        controller: Facts of the ingress controller.
        begin: Start of the change; 0 if there was none.
        reloads: Times at which new workers of the ingress controller took over.
        synced: Times at which the ingress controller applied something.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.evidence: TrialEvidence = facts.evidence
        self.objects = WorkloadObjects(self.evidence.manifests, self.evidence.paths.entry)
        self.pods = pod_lifecycles(self.evidence)
        self.begin = facts.moments.begin or 0.0
        self._seconds = Seconds(self.evidence.origin_ns)
        signals = [event for event in self.evidence.timeline if event.kind is EventKind.INGRESS]
        self.controller = self._controller(signals[0].subject if signals else "")
        self.reloads = tuple(self._seconds(e.at) for e in signals if e.what == RELOAD.word)
        self.synced = tuple(self._seconds(e.at) for e in signals if e.what in SIGNALS)
        self._backends = self._read_backends()

    def _controller(self, observed: str) -> ControllerFacts:
        return controller_facts(self.evidence.paths.controller or observed)

    def is_selected(self, service: str) -> bool:
        """Return True if the change changes a selector; of changes that overlap, if one does this Service's."""
        change = self.evidence.change
        return any(part.selects and (change.during is None or part.target_name == service) for part in change.parts)

    @cached_property
    def restarts(self) -> tuple[tuple[float, float], ...]:
        """The periods in which the change restarts the controller: each lasts until all senders know of its end."""
        parts = self.evidence.change.parts
        restart = next((part for part in parts if part.facts.target is TargetKind.CONTROLLER), None)
        if restart is None:
            return ()
        events, after = ChangeTimeline(self.evidence, restart.name), self.knows_after + SLACK_S
        return tuple(
            (events.begun(ChangeEvent.APPLIED, n), events.at(ChangeEvent.OBSERVED, n) + after)
            for n in range(1, restart.times + 1)
        )

    @property
    def is_direct(self) -> bool:
        """Return True if traffic goes directly to a Service."""
        return bool(self.evidence.paths.entry)

    @property
    def sync_s(self) -> float:
        """Return the longest time between two configurations of those who send to pods, seconds."""
        if self.is_direct:
            return KUBE_PROXY_SYNC_S
        return self.controller.sync_s if self.controller.address else LONGEST_SYNC_S

    @property
    def apply_s(self) -> float:
        """Return the longest time until all those who send to pods use a configuration, seconds."""
        if self.is_direct:
            return 0.0
        return self.controller.apply_s if self.controller.address else LONGEST_APPLY_S

    @property
    def sender(self) -> str:
        """Return the name of those who send to pods."""
        if self.is_direct:
            return "kube-proxy"
        return self.controller.title if self.controller.address else "the ingress controller"

    @property
    def knows_after(self) -> float:
        """Return the longest time until all senders of requests know of a changed endpoint, seconds."""
        return self.sync_s + self.apply_s

    @cached_property
    def needed_s(self) -> float:
        """The longest time for which a pod gets requests after its deletion was requested, seconds."""
        return self.knows_after + STOP_S

    @property
    def answer_s(self) -> float:
        """Return the longest time for which the traffic asks the application to answer, seconds."""
        return max((stream.delay for stream in self.facts.streams), default=0.0)

    def fails_hook(self, deployment: str) -> bool:
        """Return True if the preStop hook of a pod of a Deployment failed."""
        return any(pod.hook_failed is not None for pod in self.pods if pod.deployment == deployment)

    @cached_property
    def sending(self) -> tuple[Numbers, Numbers]:
        """The planned times of all sent requests in order, seconds, and the milliseconds by which each left later."""
        planned = self.evidence.attempts["planned"] / NS
        late = self.facts.late_ms
        known = np.flatnonzero(~np.isnan(late))
        order = known[np.argsort(planned[known], kind="stable")]
        return planned[order], late[order]

    @cached_property
    def _by_address(self) -> Mapping[str, tuple[PodLifecycle, ...]]:
        found: dict[str, tuple[PodLifecycle, ...]] = {}
        for pod in self.pods:
            if pod.address:
                found[pod.address] = (*found.get(pod.address, ()), pod)
        return found

    def pod_at(self, address: str, when: float) -> PodLifecycle | None:
        """Return the pod with an address (``ip:port`` or ``ip``); the last one that existed at a time.

        Real clusters give an address to another pod after a while.
        """
        pods = self._by_address.get(address.rpartition(":")[0] or address, ())
        there = [pod for pod in pods if pod.created <= when + SLACK_S]
        return there[-1] if there else None

    def service_of(self, path: str, host: str, headers: tuple[tuple[str, str], ...]) -> str:
        """Return the Service that a request is meant for; empty if it is unknown."""
        found = self.objects.service_at(path, host, headers)
        if found:
            return found
        services = self.objects.names("Service")
        return services[0] if len(services) == 1 else ""

    def _read_backends(self) -> dict[str, tuple[EndpointStates, ...]]:
        found: dict[str, list[EndpointStates]] = {}
        for event in sorted(self.evidence.timeline, key=lambda event: event.at):
            if event.kind is EventKind.ENDPOINTS:
                ready, leaving = (_addresses(str(event.detail.get(key, ""))) for key in ("ready", "terminating"))
                found.setdefault(event.subject, []).append(EndpointStates(self._seconds(event.at), ready, leaving))
        return {service: tuple(states) for service, states in found.items()}

    def backends_at(self, service: str, when: float) -> EndpointStates | None:
        """Return the endpoints of a Service at a time; None if they were not observed."""
        states = self._backends.get(service, ())
        index = bisect_right(states, when, key=lambda state: state.at) - 1
        return states[index] if index >= 0 else None

    def ended_behind(self, service: str) -> tuple[PodLifecycle, ...]:
        """Return the pods of the Deployments behind a Service that were deleted."""
        names = set(self.objects.deployments_with(self.objects.selector(service))) if service else set()
        return tuple(pod for pod in self.pods if pod.deployment in names and pod.deleted is not None)

    @cached_property
    def unwell(self) -> tuple[tuple[float, str], ...]:
        """The times at which nodes were not well, with the names of the nodes."""
        events = self.evidence.timeline
        return tuple((self._seconds(event.at), event.subject) for event in events if event.kind is EventKind.NODE)

    def empties(self, service: str) -> tuple[Empty, ...]:
        """Return the periods in which a Service had no ready endpoint."""
        return self._empties.get(service, ())

    @cached_property
    def _empties(self) -> Mapping[str, tuple[Empty, ...]]:
        return {service: tuple(_empty_periods(service, states)) for service, states in self._backends.items()}

    def moments(self, pod: PodLifecycle | None, service: str) -> Iterator[Moment]:
        """Yield the events that concern a pod and a Service since shortly before the change, in no order."""
        since = self.begin - BEFORE_CHANGE_S
        of_pod = _pod_moments(pod) if pod is not None else ()
        for moment in (*self.common_moments, *self._service_moments(service), *of_pod):
            if moment.at >= since:
                yield moment

    @cached_property
    def common_moments(self) -> tuple[Moment, ...]:
        """The events that concern every request: the change and the ingress controller."""
        found = list(self._change_moments())
        for at in self.synced:
            found.append(Moment(at, Happening.INGRESS_SYNCED))
            if self.controller.apply_s:
                found.append(Moment(at + self.controller.apply_s, Happening.WORKER_UPDATED, derived=True))
        found += [Moment(at, Happening.RELOAD) for at in self.reloads]
        return tuple(found)

    def _change_moments(self) -> Iterator[Moment]:
        """Yield the beginnings of the change; of changes that overlap, each with its name."""
        if self.evidence.change.during is None:
            yield from (Moment(start, Happening.CHANGE_APPLIED) for start in self.facts.moments.starts)
            return
        for moment in ChangeTimeline(self.evidence).moments:
            if moment.event in STARTS:
                yield Moment(self._seconds(moment.begun), Happening.CHANGE_APPLIED, moment.change)

    def _service_moments(self, service: str) -> Iterator[Moment]:
        for empty in self.empties(service):
            yield Moment(empty.start, Happening.SERVICE_EMPTY, service)
            if math.isfinite(empty.end):
                yield Moment(empty.end, Happening.SERVICE_FILLED, service)
        before: EndpointStates | None = None
        for state in self._backends.get(service, ()):
            if before is not None and before.ready - state.ready:
                yield Moment(state.at, Happening.ENDPOINT_MARKED, service)
            before = state
        for event in self.evidence.paths.programmed:
            if event.subject == service:
                yield Moment(self._seconds(event.at), Happening.KUBE_PROXY_PROGRAMMED, service)


def _pod_moments(pod: PodLifecycle) -> Iterator[Moment]:
    pairs = (
        (pod.ready, Happening.POD_READY, False),
        (pod.deleted, Happening.POD_DELETED, False),
        (pod.hook_failed, Happening.HOOK_FAILED, False),
        (pod.listener_closed, Happening.LISTENER_CLOSED, True),
        (pod.sigterm, Happening.SIGTERM, pod.hook.seconds > 0 and pod.hook_failed is None),
        (pod.sigkill, Happening.SIGKILL, True),
        (pod.gone, Happening.NETWORK_REMOVED, False),
    )
    for at, what, derived in pairs:
        if at is not None:
            yield Moment(at, what, pod.name, derived)


def _addresses(text: str) -> frozenset[str]:
    return frozenset(part for part in text.split(",") if part)


def _empty_periods(service: str, states: tuple[EndpointStates, ...]) -> Iterator[Empty]:
    """Yield the periods without a ready endpoint, from the first observation of the Service on."""
    since: EndpointStates | None = None
    ready: frozenset[str] = frozenset()
    for state in states:
        if state.ready:
            if since is not None:
                yield Empty(service, since.at, state.at, ready, state.ready)
            since, ready = None, state.ready
        elif since is None:
            since = state
    if since is not None:
        yield Empty(service, since.at, math.inf, ready)
