"""Records of the second account: what the client, the proxy and the pods know of each request, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """The fate of one request, as three accounts of it show. Every sent request has exactly one."""

    #: One pod executed it once, or the proxy answered by itself, and the client got the right answer.
    DELIVERED_ONCE = "delivered-once"
    #: The client got the right answer because a proxy tried again; it was executed once.
    MASKED = "masked"
    #: Pods read it more than once, whatever the client got.
    EXECUTED_TWICE = "executed-twice"
    #: The application's own answer reached the client, and it is not a right one.
    BAD_ANSWER = "bad-answer"
    #: It never arrived at the ingress; without an ingress, at a pod.
    LOST_BEFORE_INGRESS = "lost-before-ingress"
    #: It arrived at the proxy, and no pod read it.
    LOST_AT_PROXY = "lost-at-proxy"
    #: A pod read it, and the client did not get the pod's answer.
    ANSWER_LOST = "answer-lost"
    #: The record of one party is missing, and it would decide.
    UNKNOWN = "unknown"


#: Each fate in words, for one or more requests.
FATE_NAMES: Mapping[Fate, str] = {
    Fate.DELIVERED_ONCE: "delivered once",
    Fate.MASKED: "hidden by another try",
    Fate.EXECUTED_TWICE: "executed more than once",
    Fate.BAD_ANSWER: "answered wrongly by the application",
    Fate.LOST_BEFORE_INGRESS: "lost before the ingress",
    Fate.LOST_AT_PROXY: "lost at the proxy",
    Fate.ANSWER_LOST: "executed, answer lost",
    Fate.UNKNOWN: "unknown",
}


#: The fates of requests with a right answer, apart from those that were executed more than once.
RIGHT = frozenset({Fate.DELIVERED_ONCE, Fate.MASKED})
#: The fates of lost requests, with the same exception.
LOST = frozenset({Fate.BAD_ANSWER, Fate.LOST_BEFORE_INGRESS, Fate.LOST_AT_PROXY, Fate.ANSWER_LOST})


class Party(StrEnum):
    """A party whose record of a request can be missing."""

    CLIENT = "client"
    PROXY = "access-log"
    PODS = "receipts"


#: The record of each party in words.
PARTY_NAMES: Mapping[Party, str] = {
    Party.CLIENT: "ledger",
    Party.PROXY: "access log",
    Party.PODS: "receipts",
}


class LogState(StrEnum):
    """The state of a log, as far as the other records show it."""

    #: Nothing shows that a line is missing.
    COMPLETE = "complete"
    #: There is no line of this trial at all.
    ABSENT = "absent"
    #: Its first lines are missing, as after a rotation.
    ROTATED = "rotated"
    #: Lines in the middle are missing.
    INTERRUPTED = "interrupted"
    #: Its last lines are missing: it was truncated, or collected before they were written.
    ENDS_EARLY = "ends-early"
    #: Lines about requests that their clients gave up may have come after it was collected.
    LATE = "late"
    #: A line can't be read: it was written in part, or overwritten.
    TORN = "torn"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """The state of one log, with the evidence for it.

    Attributes:
        party: Whose record it is.
        name: The pod, or empty for the access log of the ingress controller.
        states: Everything that is wrong with it; only ``COMPLETE`` if nothing is.
        lines: Lines about attempts of the trial.
        missing: Lines that must have been written and are not there; a lower bound.
        unreadable: Lines that can't be read.
        stretches: Periods that it does not cover, each from and to in seconds from the traffic's start; None without
            a limit.
    """

    party: Party
    name: str
    states: tuple[LogState, ...]
    lines: int
    missing: int = 0
    unreadable: int = 0
    stretches: tuple[tuple[float | None, float | None], ...] = ()

    @property
    def is_complete(self) -> bool:
        """Return True if nothing is known to be wrong with it."""
        return self.states == (LogState.COMPLETE,)

    @property
    def title(self) -> str:
        """Return its name and states as text: ``receipts of apple-1: ends-early``."""
        of = f" of {self.name}" if self.name else ""
        return f"{PARTY_NAMES[self.party]}{of}: {' and '.join(self.states)}"


@dataclass(frozen=True, slots=True)
class Accounts:
    """The second identity of a trial: ``sent`` is the sum of ``fates``.

    Attributes:
        sent: Sent requests, as in the first identity.
        fates: Number of requests by fate, every fate included.
        missing: Number of requests of unknown fate, by the party whose record is missing.
        hidden_unknown: Requests that may have been hidden by another try, in addition to those that were.
        twice_unknown: Requests that may have been executed more than once, in addition to those that were.
        logs: The access log, and every damaged record of a pod.
    """

    sent: int
    fates: Mapping[Fate, int]
    missing: Mapping[Party, int]
    hidden_unknown: int
    twice_unknown: int
    logs: tuple[LogRecord, ...] = field(default_factory=tuple)

    @property
    def hidden(self) -> int:
        """Return the number of requests that were certainly hidden by another try."""
        return self.fates[Fate.MASKED]

    @property
    def twice(self) -> int:
        """Return the number of requests that were certainly executed more than once."""
        return self.fates[Fate.EXECUTED_TWICE]

    @property
    def holds(self) -> bool:
        """Return True if the sum is right and no term is negative."""
        return (
            set(self.fates) == set(Fate)
            and min(self.fates.values()) >= 0
            and sum(self.fates.values()) == self.sent
            and sum(self.missing.values()) == self.fates[Fate.UNKNOWN]
        )


@dataclass(frozen=True, slots=True)
class UncertainCount:
    """A number of requests of which a part may be unknown.

    Attributes:
        known: Requests that are certainly counted.
        unknown: Further requests of which nobody knows; None if nothing was recorded at all.
    """

    known: int = 0
    unknown: int | None = None

    def __str__(self) -> str:
        """Return ``37``; ``3+`` for at least three; ``?`` if nothing is known."""
        if self.unknown == 0:
            return f"{self.known:,}"
        return f"{self.known:,}+" if self.known else "?"
