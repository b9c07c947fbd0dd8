"""The place of a change: the cluster, the timeline, the undo journal, and what can be seen of the traffic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.changes.undo import UndoJournal
from harness.kit.clock import Clock
from harness.kube.api import KubeApi
from harness.model.controllers import DEFAULT, Aspect, ControllerAddress, signals_of
from harness.model.timeline import Event

#: What is still missing, for people; empty when there is nothing.
Missing = tuple[str, ...]


class Recorder(Protocol):
    """Keeps events: the timeline."""

    def record(self, event: Event) -> None:
        """Keep one event."""


class Answered(Protocol):
    """Knows what traffic was answered: the ledger."""

    def __call__(self, pattern: str, since_ns: int, route: str = "", /) -> bool:
        """Return whether traffic sent since then got an answer whose body matches a glob.

        Args:
            pattern: The glob, on the whole body.
            since_ns: Nanoseconds of CLOCK_MONOTONIC.
            route: Key of the route; empty for any.
        """


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """The place where a change is made, and what can be seen of it.

    Attributes:
        kube: The API server.
        namespace: Where the workload is.
        timeline: Where ``CHANGE`` events go.
        undo: The journal that is written before anything is changed.
        answered: Whether traffic got an answer since, see ``Answered``.
        ingress_seen: ``(word, since_ns)``: was an event of that name of the ingress controller seen since?
        ingress_signals: Names of the events that can be seen at all on this cluster.
        quiet: ``(since_ns)``: has the system come to rest?
        check: Raises where waiting makes no sense because the traffic or the cluster itself has ended.
        timeout: Seconds for a change to be seen, for its undo, and for the system to come to rest.
        clock: The run's clock.
        restore: Whether the namespace outlives the trial. Then what is left changed stays open in the journal, for
            ``undo_all`` at the trial's end; otherwise it is closed as left, since the namespace goes.
        ingress: The ingress controller's word in an Experiment: how a share of the requests is split off is its own.
        lost: ``(since_ns)``: how many of the attempts planned since are lost.
        put_back_after: Seconds after which whatever has an undo is put back, counted from when it was seen; None leaves
            the last repetition as it is.
        controller: The ingress controller's own Deployment; None where it is not known.
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
    restore: bool = False
    ingress_signals: frozenset[str] = DEFAULT.tells
    ingress: str = DEFAULT.word
    lost: Callable[[int], int] = lambda _since_ns: 0
    put_back_after: float | None = None
    controller: ControllerAddress | None = None

    def ingress_sees(self, aspect: Aspect) -> bool:
        """Return whether it can be seen here that the ingress controller puts this into effect."""
        return bool(signals_of(aspect, self.ingress_signals))

    def ingress_did(self, aspect: Aspect, since_ns: int) -> bool:
        """Return whether the ingress controller was seen to put this into effect since."""
        return any(self.ingress_seen(signal.word, since_ns) for signal in signals_of(aspect, self.ingress_signals))
