"""The context of a change: the cluster, the timeline, the undo journal, and the observation of traffic."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.changes.undo import UndoJournal
from harness.controller_objects import ControllerAddress
from harness.kit.clock import Clock
from harness.kube.api import KubeApi
from harness.model.controllers import DEFAULT, Aspect, signals_of
from harness.model.timeline import Event

#: Conditions that are not yet met, in words; empty if all are met.
Missing = tuple[str, ...]


class Recorder(Protocol):
    """A store of events, such as the timeline."""

    def record(self, event: Event) -> None:
        """Store one event."""


class Answered(Protocol):
    """A function that knows the answers to traffic, from the ledger."""

    def __call__(self, pattern: str, since_ns: int, route: str = "", /) -> bool:
        """Return True if a request sent since ``since_ns`` got an answer whose body matches a glob.

        Args:
            pattern: The glob, for the whole body.
            since_ns: Nanoseconds of CLOCK_MONOTONIC.
            route: Key of the route; empty for any.
        """


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """The cluster on which a change is made, and functions that observe its effects.

    Attributes:
        kube: The API server.
        namespace: Namespace of the workload.
        timeline: Receives the ``CHANGE`` events.
        undo: The journal, which is written before anything is changed.
        answered: Returns True if traffic got a certain answer; see ``Answered``.
        ingress_seen: ``(word, since_ns)``: returns True if the ingress controller had an event of that name since.
        ingress_signals: Names of the ingress controller's events that can be observed on this cluster.
        quiet: ``(since_ns)``: returns True if the system is at rest.
        looking: A context in which reads may come from a cache if nothing has changed.
        check: Raises if waiting is useless because the traffic or the cluster has ended.
        timeout: Seconds for a change to be observed, for its undo, and for the system to come to rest.
        clock: The run's clock.
        restore: True if the namespace outlives the trial. Changes then stay open in the journal, for ``undo_all`` at
            the trial's end. Otherwise they are closed as left, because the namespace is removed.
        ingress: The ingress controller, by its name in an Experiment. It decides how requests are split.
        lost: ``(since_ns)``: returns the number of lost attempts of those planned since.
        undo_after: Seconds from the observation of a change until its undo; None leaves the last repetition in place.
        controller: Address of the ingress controller's Deployment; None if it is unknown.
        certificate_of: ``(host)``: returns the certificate that a new connection for a host gets, in DER form; empty if
            there is none.
        kubeconfig: Kubeconfig for commands; None on a cluster that the harness has not made.
    """

    kube: KubeApi
    namespace: str
    timeline: Recorder
    undo: UndoJournal
    answered: Answered
    ingress_seen: Callable[[str, int], bool]
    quiet: Callable[[int], bool]
    timeout: float
    clock: Clock
    check: Callable[[], None] = lambda: None
    looking: Callable[[], AbstractContextManager[None]] = nullcontext
    restore: bool = False
    ingress_signals: frozenset[str] = DEFAULT.tells
    ingress: str = DEFAULT.word
    lost: Callable[[int], int] = lambda _since_ns: 0
    undo_after: float | None = None
    controller: ControllerAddress | None = None
    certificate_of: Callable[[str], bytes] = lambda _host: b""
    kubeconfig: Path | None = None

    def ingress_sees(self, aspect: Aspect) -> bool:
        """Return True if this cluster shows when the ingress controller puts this aspect into effect."""
        return bool(signals_of(aspect, self.ingress_signals))

    def ingress_did(self, aspect: Aspect, since_ns: int) -> bool:
        """Return True if the ingress controller was observed to put this aspect into effect since ``since_ns``."""
        return any(self.ingress_seen(signal.word, since_ns) for signal in signals_of(aspect, self.ingress_signals))
