"""Counts the requests of a stretch of time, as pure functions on ledger rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.analysis.thresholds import IN_FLIGHT_S
from harness.model.attempt import LOSSES, Outcome
from harness.model.schedule import session_of

Rows = np.ndarray[tuple[int], np.dtype[np.void]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
NS = 1_000_000_000
LOST = tuple(int(outcome) for outcome in LOSSES)
#: Outcomes of requests that the sender's own machine spoiled.
UNKNOWN = (int(Outcome.CLIENT_FAULT), int(Outcome.MISSED))
_TIMEOUTS = (int(Outcome.TIMEOUT_CONNECT), int(Outcome.TIMEOUT_RESPONSE))


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of requests.

    Attributes:
        sent: Requests sent.
        ok: Requests with a right answer.
        lost: Lost requests by class; the class of a wrong status has the status as well (``status 503``).
        unknown: Requests without a known outcome: missed slots, faults of the client, and unfinished ones.
        first_loss: Planned time of the first lost request, seconds from the origin; None without a loss.
        last_lost: Planned time of the last lost request, seconds from the origin; None without a loss.
        last_loss: Latest end of a lost request, seconds from the origin; None without a loss.
    """

    sent: int = 0
    ok: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    first_loss: float | None = None
    last_lost: float | None = None
    last_loss: float | None = None

    @property
    def lost_total(self) -> int:
        """Return the number of lost requests."""
        return sum(self.lost.values())

    def __add__(self, later: Totals) -> Totals:
        """Return the counts of both."""
        firsts = [at for at in (self.first_loss, later.first_loss) if at is not None]
        planned = [at for at in (self.last_lost, later.last_lost) if at is not None]
        lasts = [at for at in (self.last_loss, later.last_loss) if at is not None]
        return Totals(
            sent=self.sent + later.sent,
            ok=self.ok + later.ok,
            lost=dict((Counter(self.lost) + Counter(later.lost)).most_common()),
            unknown=self.unknown + later.unknown,
            first_loss=min(firsts, default=None),
            last_lost=max(planned, default=None),
            last_loss=max(lasts, default=None),
        )


@dataclass(frozen=True, slots=True)
class Switches:
    """The changes from one version to another within sessions.

    Attributes:
        changes: Number of good answers with another text than the one before in the same session.
        sessions: Number of sessions with an answer.
    """

    changes: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a stretch of time.

    Attributes:
        shares: Route -> text of the answer, or class of the loss -> number.
        switches: Changes of version within sessions.
    """

    shares: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    switches: Switches = Switches()


def count_switches(rows: Rows, sessions: Mapping[int, int], n_streams: int) -> Switches:
    """Count the changes of version within sessions.

    Args:
        rows: Attempts of one sender, in the order of their slots.
        sessions: Index of a route -> its number of sessions for each stream.
        n_streams: Streams of the traffic.
    """
    latest: dict[tuple[int, int], int] = {}
    changes = 0
    for row in rows[(rows["outcome"] == Outcome.OK) & np.isin(rows["route"], list(sessions))]:
        number = int(row["number"])
        key = (number % n_streams, int(session_of(number, n_streams, sessions[int(row["route"])])))
        responder = int(row["responder"])
        changes += latest.setdefault(key, responder) != responder
        latest[key] = responder
    return Switches(changes, len(latest))


def belongs_to(rows: Rows, begin_ns: int, end_ns: int) -> Mask:
    """Return True for the requests that a change at ``begin_ns`` may have cost.

    These are the requests planned since, and those that were in flight. One that timed out and had waited for long
    when the change began was lost without it (``IN_FLIGHT_S``).
    """
    waited = begin_ns - rows["planned"] > IN_FLIGHT_S.value * NS
    in_flight = (rows["planned"] < begin_ns) & (rows["done"] >= begin_ns)
    mine: Mask = (rows["planned"] < end_ns) & (
        (rows["planned"] >= begin_ns) | (in_flight & ~(waited & np.isin(rows["outcome"], _TIMEOUTS)))
    )
    return mine


def count(rows: Rows) -> Totals:
    """Count requests."""
    lost = rows[np.isin(rows["outcome"], LOST)]
    labels = Counter(
        loss_label(Outcome(code), status)
        for code, status in zip(lost["outcome"].tolist(), lost["status"].tolist(), strict=True)
    )
    unknown = np.isin(rows["outcome"], (*UNKNOWN, int(Outcome.UNFINISHED)))
    return Totals(
        sent=len(rows) - int(np.isin(rows["outcome"], UNKNOWN).sum()),
        ok=int((rows["outcome"] == Outcome.OK).sum()),
        lost=dict(labels.most_common()),
        unknown=int(unknown.sum()),
        first_loss=float(lost["planned"].min()) / NS if len(lost) else None,
        last_lost=float(lost["planned"].max()) / NS if len(lost) else None,
        last_loss=float(lost["done"].max()) / NS if len(lost) else None,
    )


def loss_label(outcome: Outcome, status: int) -> str:
    """Return the class of a lost request: ``refused``, ``status 503``."""
    return f"{outcome.label} {status}" if outcome is Outcome.STATUS else outcome.label
