"""Defines the facts of every ingress controller: one record per controller, in one table.

Everything that depends on the controller in reading, judging and reporting follows from its row here. The code that
acts on a cluster (log reader, request splitting, routes, manifests) is in ``harness.controllers``. The controllers of a
local cluster are in ``harness.localkube.system.programs``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from harness import controller_objects
from harness.controller_objects import ControllerAddress
from harness.model.annotations import BEHIND_TRAEFIK, NGINX, TRAEFIK, TRAEFIK_READS_OF_NGINX, Replacement
from harness.model.rights import Right


class Aspect(StrEnum):
    """A part of the configuration that a controller applies."""

    RULES = "rules"
    ENDPOINTS = "endpoints"


@dataclass(frozen=True, slots=True)
class Signal:
    """An event in a controller's log that shows which configuration is in effect.

    Attributes:
        word: Name of the event on the timeline.
        shows: Parts of the configuration that are in effect once the event was seen.
        awaited: The controller's action that the event would show, as text.
        unchanged: Name of the event that shows that the controller read an edit and had nothing to change; empty if an
            edit always causes the signal itself.
    """

    word: str
    shows: frozenset[Aspect]
    awaited: str
    unchanged: str = ""


RELOAD = Signal("reload", frozenset({Aspect.RULES}), "reload")
ENDPOINTS = Signal("endpoints", frozenset({Aspect.ENDPOINTS}), "take over the endpoints")
CONFIGURED = Signal("configured", frozenset(Aspect), "take the Ingress over", unchanged="sync")


@dataclass(frozen=True, slots=True)
class Explanations:
    """Clauses about a controller for sentences of reports; none ends with a full stop.

    Attributes:
        pace: When new endpoints take effect, and why not sooner.
        retries: How often it tries a request.
        edits: How it applies an edit of an Ingress.
        timeouts: How long it waits for a pod.
        no_endpoints: How it answers requests for a Service without endpoints.
        timeout_setting: Setting for its timeouts.
        retry_setting: Setting that enables retries; empty if it retries by default.
    """

    pace: str
    retries: str
    edits: str
    timeouts: str
    no_endpoints: str
    timeout_setting: str
    retry_setting: str = ""


@dataclass(frozen=True, slots=True)
class ControllerFacts:
    """The facts of one ingress controller.

    Attributes:
        word: Its name in Experiments, options and evidence.
        title: Its name in sentences.
        family: ``word`` of the program's basic configuration; equal to ``word`` if it has only one.
        package: Package of its other parts, whose ``ingress_controller(facts)`` returns them; empty for none.
        address: Its objects on the cluster; None for "no controller".
        ingress_class: The IngressClass that it serves; empty for "no controller".
        signals: Events that show its configuration in effect, if the whole log can be read.
        sync_s: Longest time between two configurations that it applies, seconds.
        apply_s: Longest time until every part of its data plane uses an applied configuration, seconds.
        prestop_s: Shortest preStop sleep that outlasts both, whole seconds.
        drops_routes: True if it removes the route of a Service without endpoints.
        reads: Prefixes of the annotations that it reads, each with the rest of the names; None for all names.
        replacements: Its settings for other controllers' annotations, by the beginning of the annotation's name.
        entry_points: Names of its entry points where the harness runs it; empty if its rules name none.
        variant: ``word`` of the same program's configuration that reads other annotations; empty if there is none.
        cookie_value: Only cookie value that sends a request to the second backend; empty if any value can.
        shares_named_services: True if a Service named by a rule can get a share of another rule's requests.
        share_rights: Rights to split a rule's requests between two Services, and to undo that; empty if it can't.
        explanations: Clauses for reports; None for "no controller".
    """

    word: str
    title: str
    family: str = ""
    package: str = ""
    address: ControllerAddress | None = None
    ingress_class: str = ""
    signals: tuple[Signal, ...] = ()
    sync_s: float = 0.0
    apply_s: float = 0.0
    prestop_s: int = 0
    drops_routes: bool = False
    reads: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    replacements: Mapping[str, Replacement] = field(default_factory=dict)
    entry_points: tuple[str, ...] = ()
    variant: str = ""
    cookie_value: str = ""
    shares_named_services: bool = True
    share_rights: tuple[Right, ...] = ()
    explanations: Explanations | None = None

    @property
    def tells(self) -> frozenset[str]:
        """Return the names of the events of all signals."""
        return frozenset(signal.word for signal in self.signals)


_INGRESS_NGINX = ControllerFacts(
    word="ingress-nginx",
    title="ingress-nginx",
    family="ingress-nginx",
    package="harness.controllers.nginx",
    address=controller_objects.INGRESS_NGINX.address,
    ingress_class=controller_objects.INGRESS_NGINX.ingress_class,
    signals=(RELOAD, ENDPOINTS),
    sync_s=3.3,
    apply_s=1.0,
    prestop_s=5,
    reads={NGINX: None},
    cookie_value="always",
    shares_named_services=False,
    share_rights=(Right("networking.k8s.io", "ingresses", ("create", "get", "patch", "delete")),),
    explanations=Explanations(
        pace="ingress-nginx syncs at most 0.3 times a second (--sync-rate-limit), and every watched event uses up a "
        "sync, even a new pod that is not ready yet; each worker then looks for new endpoints once a second. "
        "So a change may be known 3.3 s + 1 s late",
        retries="ingress-nginx tries a request up to three times when an endpoint can't be connected to"
        " (proxy-next-upstream: error timeout)",
        edits="nginx applies edits of an Ingress with new workers, and the old ones close idle connections",
        timeouts="ingress-nginx connects to a pod within 5 s and waits 60 s for its answer",
        no_endpoints="ingress-nginx answers 503",
        timeout_setting="annotations proxy-*-timeout",
    ),
)

_TRAEFIK = ControllerFacts(
    word="traefik",
    title="Traefik",
    family="traefik",
    package="harness.controllers.traefik",
    address=controller_objects.TRAEFIK.address,
    ingress_class=controller_objects.TRAEFIK.ingress_class,
    signals=(CONFIGURED,),
    sync_s=2.0,
    prestop_s=3,
    drops_routes=True,
    reads={TRAEFIK: None},
    replacements=BEHIND_TRAEFIK,
    entry_points=("web",),
    variant="traefik-nginx",
    share_rights=(
        Right("traefik.io", "ingressroutes", ("create", "get", "delete")),
        Right("traefik.io", "traefikservices", ("create", "get", "patch", "delete")),
    ),
    explanations=Explanations(
        pace="Traefik applies a change at once, and the next one 2 s later at most (providersThrottleDuration)",
        retries="Traefik tries a request once, unless a Middleware says otherwise (retry)",
        edits="Traefik swaps its routes in one process",
        timeouts="Traefik connects within 30 s and waits without end",
        no_endpoints="Traefik drops the route of a Service without endpoints, and a wider rule takes its requests",
        timeout_setting="a ServersTransport",
        retry_setting="add a retry Middleware",
    ),
)

#: The facts by the word of ``ingress:`` in an Experiment; the first is the default, the last is "no controller".
CONTROLLERS: Mapping[str, ControllerFacts] = {
    facts.word: facts
    for facts in (
        _INGRESS_NGINX,
        _TRAEFIK,
        # Traefik's provider for ingress-nginx's annotations: it serves the same class and splits requests the same way.
        replace(
            _TRAEFIK,
            word="traefik-nginx",
            title="Traefik's ingress-nginx provider",
            ingress_class=_INGRESS_NGINX.ingress_class,
            reads={NGINX: TRAEFIK_READS_OF_NGINX},
            variant="",
            cookie_value=_INGRESS_NGINX.cookie_value,
            shares_named_services=_INGRESS_NGINX.shares_named_services,
            share_rights=_INGRESS_NGINX.share_rights,
        ),
        ControllerFacts(word="none", title="none"),
    )
}
NO_CONTROLLER = next(facts for facts in CONTROLLERS.values() if facts.address is None)
DEFAULT = next(iter(CONTROLLERS.values()))

#: Every signal of every controller, by its word.
SIGNALS: Mapping[str, Signal] = {signal.word: signal for facts in CONTROLLERS.values() for signal in facts.signals}

#: The largest ``sync_s`` and ``apply_s`` of all controllers.
LONGEST_SYNC_S = max(facts.sync_s for facts in CONTROLLERS.values())
LONGEST_APPLY_S = max(facts.apply_s for facts in CONTROLLERS.values())


def controller_facts(word: str) -> ControllerFacts:
    """Return the facts of a controller; those of "no controller" for an unknown word."""
    return CONTROLLERS.get(word, NO_CONTROLLER)


def is_controller_settings(manifest: Mapping[str, Any]) -> bool:
    """Return True if an object of a workload is the ConfigMap with the settings of an ingress controller."""
    return any(facts.address is not None and facts.address.is_configured_by(manifest) for facts in CONTROLLERS.values())


def families() -> Iterator[ControllerFacts]:
    """Yield each program once, without its variants, in the table's order."""
    return (facts for facts in CONTROLLERS.values() if facts.word == facts.family)


def signals_of(aspect: Aspect, tells: Collection[str]) -> tuple[Signal, ...]:
    """Return the signals that show a part of the configuration, among those whose events can be observed.

    Args:
        aspect: The part of the configuration.
        tells: Names of the events that can be observed.
    """
    return tuple(signal for signal in SIGNALS.values() if signal.word in tells and aspect in signal.shows)


def reads_annotation(word: str, annotation: str) -> bool:
    """Return True if a controller reads an annotation of an Ingress, or if the annotation belongs to none."""
    owned = [prefix for facts in CONTROLLERS.values() for prefix in facts.reads if annotation.startswith(prefix)]
    if not owned:
        return True
    for prefix, names in controller_facts(word).reads.items():
        if annotation.startswith(prefix):
            return names is None or annotation.removeprefix(prefix) in names
    return False


def replacement_of(word: str, annotation: str) -> Replacement:
    """Return a controller's replacement for an annotation; an empty one if none is known."""
    known = controller_facts(word).replacements
    fits = [beginning for beginning in known if annotation.startswith(beginning)]
    return known[max(fits, key=len)] if fits else Replacement("", "")
