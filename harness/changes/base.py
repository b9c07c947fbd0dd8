"""What every change is given, and what every change must be able to say.

A change says how it is made, what is still missing until it has really happened, and what would put it back. When to
make, await, hold and undo it is the same for all and lies in ``harness.changes.registry``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Generic, Protocol, TypeVar

from harness.changes.difference import undo_operations, with_actual_values
from harness.changes.undo import UndoEntry, UndoJournal
from harness.kit.clock import Clock
from harness.kube.api import KubeApi, Object, Strategy
from harness.kube.strategic import json_merge, strategic_merge
from harness.model.changes import ChangeSpec
from harness.model.controllers import DEFAULT, Aspect, ControllerAddress, signals_of
from harness.model.timeline import Detail, Event, EventKind

SpecT = TypeVar("SpecT", bound=ChangeSpec)

#: What is still missing, for people; empty when there is nothing.
Missing = tuple[str, ...]


class Recorder(Protocol):
    """Whoever keeps events: the timeline."""

    def record(self, event: Event) -> None:
        """Keep one event."""


class Answered(Protocol):
    """Whoever can say what traffic was answered: the ledger."""

    def __call__(self, pattern: str, since_ns: int, route: str = "", /) -> bool:
        """Has traffic sent since then got an answer whose body matches a glob, on the route of that key (or any)?"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a change is made, and how it is seen.

    Attributes:
        kube: The API server.
        namespace: Where the workload is.
        timeline: Where ``CHANGE`` events go.
        undo: The journal that is written before anything is changed.
        answered: ``(pattern, since_ns, route)``: has traffic sent since then got an answer whose body matches?
        ingress_seen: ``(word, since_ns)``: was an event of that name of the ingress controller seen since?
        ingress_tells: Names of the events that can be seen at all on this cluster.
        quiet: ``(since_ns)``: has the system come to rest?
        check: Raises where waiting is in vain because the traffic or the cluster itself has ended.
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
    ingress_tells: frozenset[str] = DEFAULT.tells
    ingress: str = DEFAULT.word
    lost: Callable[[int], int] = lambda _since_ns: 0
    put_back_after: float | None = None
    controller: ControllerAddress | None = None

    def ingress_sees(self, aspect: Aspect) -> bool:
        """Return whether it can be seen here that the ingress controller puts this into effect."""
        return bool(signals_of(aspect, self.ingress_tells))

    def ingress_did(self, aspect: Aspect, since_ns: int) -> bool:
        """Return whether the ingress controller was seen to put this into effect since."""
        return any(self.ingress_seen(signal.word, since_ns) for signal in signals_of(aspect, self.ingress_tells))

    def record(self, change: ChangeSpec, what: str, detail: Detail | None = None, *, at: int = 0) -> None:
        """Put a ``CHANGE`` event on the timeline, at this moment unless ``at`` is given."""
        moment = at or self.clock.now()
        self.timeline.record(
            Event(moment, EventKind.CHANGE, change.name, what, {"kind": change.kind, **(detail or {})})
        )


class UndoWhen(Enum):
    """When a repetition is undone by the change itself."""

    NEVER = auto()  #: It can't be (a pod that is gone), or the next one goes on from it.
    BETWEEN = auto()  #: Before the next repetition, so that each begins alike.
    ALWAYS = auto()  #: Each time: the way back is part of the change.


@dataclass(frozen=True, slots=True)
class Made:
    """One repetition that has been made.

    Attributes:
        number: Counted from 1.
        begun: Just before the API was asked.
        applied: When it had answered.
        entry: Its undo; ``None`` where there is none.
        target: The object that was changed, as the API answered.
        before: What the change needs to remember of the time before (uids of pods, generation).
        pointless: Why this repetition can't ever be seen (it changes nothing); empty if it can.
        detail: For the timeline.
    """

    number: int
    begun: int
    applied: int
    entry: UndoEntry | None = None
    target: Object = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    pointless: str = ""
    detail: Detail = field(default_factory=dict)


class Change(ABC, Generic[SpecT]):
    """One kind of change.

    Attributes:
        spec: What the user asked for.
        undo_when: When a repetition is undone.
        hold: Seconds that it stays, from when it was applied; at least until it was seen.
    """

    undo_when: UndoWhen = UndoWhen.NEVER
    hold: float = 0.0

    def __init__(self, spec: SpecT) -> None:
        self.spec = spec

    @abstractmethod
    def make(self, stage: Stage, number: int) -> Made:
        """Make it for the ``number``-th time (from 1), its undo on disk before."""

    @abstractmethod
    def missing(self, stage: Stage, made: Made) -> Missing:
        """What is still missing until it has really happened. Asked many times a second."""

    def missing_after_undo(self, stage: Stage, made: Made, undone: int) -> Missing:
        """What is still missing until the way back (made at ``undone``) has really happened."""
        del stage, made, undone
        return ()


def patch_with_undo(  # noqa: PLR0917 -- the object's address and the patch are one sentence
    stage: Stage, kind: str, name: str, patch: Mapping[str, Any], strategy: Strategy, number: int
) -> Made:
    """Patch an object, the way back on disk before the API is asked.

    Raises:
        KubeError: There is no such object, or the server refuses the patch.
    """
    original = stage.kube.get(kind, name, stage.namespace)
    merge = strategic_merge if strategy == "strategic" else json_merge
    operations = undo_operations(original, merge(original, patch))
    if not operations:
        now = stage.clock.now()
        return Made(number, now, now, target=original, pointless=f"the patch changes nothing in {kind} {name}")
    fields = ", ".join(dict.fromkeys(operation["path"] for operation in operations))
    entry = stage.undo.prepare(f"{kind} {name}: {fields}", kind, name, stage.namespace, operations)
    begun = stage.clock.now()
    answer = stage.kube.patch(kind, name, stage.namespace, patch, strategy=strategy)
    applied = stage.clock.now()
    actual = with_actual_values(operations, answer)
    if actual != operations:
        entry = stage.undo.amend(entry, actual)
    detail: Detail = {"object": f"{kind}/{name}", "fields": fields}
    return Made(number, begun, applied, entry, answer, {"object": original}, detail=detail)


def substituted(value: Any, number: int) -> Any:
    """A value with ``{time}`` in every string of it replaced by the repetition's number."""
    if isinstance(value, str):
        return value.replace("{time}", str(number))
    if isinstance(value, Mapping):
        return {key: substituted(item, number) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substituted(item, number) for item in value]
    return value
