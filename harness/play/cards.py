"""Cards: one for each change of a participant, with its verdict and its losses. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.model.verdict import Verdict
from harness.play.counting import NS, Totals


class CardState(StrEnum):
    """The stage of a card. While it is ``LOSING``, the cluster has settled, but requests are still being lost."""

    SETTLING = "settling"
    LOSING = "losing"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Doubts:
    """Reasons for which the evidence of a stretch of time is incomplete.

    Attributes:
        unplanned: True if a planned request has no known outcome.
        paused: True if this machine slept, or the processes were stopped.
        blind: True if the cluster could not be watched.
    """

    unplanned: bool = False
    paused: bool = False
    blind: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Return the names of the doubts, for the page's texts."""
        return tuple(name for name in ("unplanned", "paused", "blind") if getattr(self, name))


@dataclass(slots=True)
class Card:
    """A change, or several that overlapped, with the requests that were lost.

    Attributes:
        number: Number of the card, from 1.
        begin: Time of the first change, in nanoseconds of CLOCK_MONOTONIC.
        changes: Time and words of each change.
        kinds: (kind, name) of the changed objects.
        state: The card's stage.
        end: End of the measured time; 0 while the card is ``SETTLING``.
        verdict: The verdict; None while the card is ``SETTLING``.
        doubts: Names of the reasons for an inconclusive verdict.
        totals: Requests of the measured time.
        cut: Kept-alive connections that the peer cut.
        unfinished_rollout: A Deployment whose rollout had not ended when the card settled; empty for none.
        cause: Sentence about the cause of the losses; empty if it is not known.
        remedy: Sentence about the remedy; empty if none is known.
    """

    number: int
    begin: int
    changes: list[tuple[int, str]] = field(default_factory=list)
    kinds: list[tuple[str, str]] = field(default_factory=list)
    state: CardState = CardState.SETTLING
    end: int = 0
    verdict: Verdict | None = None
    doubts: tuple[str, ...] = ()
    totals: Totals = field(default_factory=Totals)
    cut: int = 0
    unfinished_rollout: str = ""
    cause: str = ""
    remedy: str = ""

    @property
    def latest(self) -> int:
        """Return the time of the latest change."""
        return max(at for at, _ in self.changes)

    def measure(self, totals: Totals, cut: int, doubts: Doubts, now: int) -> None:
        """Take in the current counts. Derive the verdict from them, once the cluster has settled."""
        self.totals, self.cut = totals, cut
        if self.state is CardState.SETTLING:
            return
        self.end = now
        self.doubts = doubts.words
        self.verdict = verdict_of(totals, doubts)

    def view(self, origin: int) -> dict[str, Any]:
        """Return the card for the page; times in seconds from the traffic's origin (CLOCK_MONOTONIC)."""
        return {
            "number": self.number,
            "begin": (self.begin - origin) / NS,
            "end": (self.end - origin) / NS if self.end else None,
            "changes": [[(at - origin) / NS, text] for at, text in self.changes],
            "state": self.state,
            "verdict": self.verdict,
            "doubts": list(self.doubts),
            "sent": self.totals.sent,
            "ok": self.totals.ok,
            "lost": dict(self.totals.lost),
            "lost_total": self.totals.lost_total,
            "unknown": self.totals.unknown,
            "first_loss": self.totals.first_loss,
            "last_lost": self.totals.last_lost,
            "cut": self.cut,
            "unfinished_rollout": self.unfinished_rollout,
            "cause": self.cause,
            "remedy": self.remedy,
        }


def verdict_of(totals: Totals, doubts: Doubts) -> Verdict:
    """Return the verdict: lossy if a request was lost, lossless only if every request is known to be answered."""
    if totals.lost_total:
        return Verdict.LOSSY
    if doubts.words or totals.unknown or not totals.sent or totals.ok != totals.sent:
        return Verdict.INCONCLUSIVE
    return Verdict.LOSSLESS
