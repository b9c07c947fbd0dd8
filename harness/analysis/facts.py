"""A trial's evidence made ready for judging: masks and counts that more than one check needs, computed once.

All arrays are parallel to the ledger's rows; all work on them is done by numpy, so that a million attempts cost well
under a second. Ten million are judged too, so what is as long as the ledger is kept narrow, and few of it at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.evidence import TrialEvidence, label_of
from harness.analysis.moments import NS, Moments
from harness.analysis.schedule import Slots, account
from harness.analysis.thresholds import IN_FLIGHT_S
from harness.analysis.turns import OutOfTurn
from harness.model.attempt import LOSSES, Outcome, Progress
from harness.model.schedule import Stream, streams
from harness.model.verdict import Identity

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Codes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Turns = np.ndarray[tuple[int], np.dtype[np.unsignedinteger[Any]]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked up again and again while a trial is judged.

    Attributes:
        evidence: All there is.
        moments: The change, as the timeline tells it.
        slots: The ledger held against the schedule.
        outcome: Outcome codes; an answer that was right, but not at its time, is a ``WRONG_ANSWER`` here.
        is_sent: Rows whose request left, or may have left: neither missed nor failed for our own fault.
        is_lost: Lost requests.
        is_before: Requests that the change had no part in.
        stream: Index into ``streams`` by turn.
        streams: The plan's streams.
        sent_s: When the request left, seconds; NaN where it never did.
        done_s: When its outcome was known, seconds; NaN where it never was.
        identity: The accounting.
        out_of_turn: Answers among the losses that were right in themselves, but not at their time.
    """

    evidence: TrialEvidence
    moments: Moments
    slots: Slots
    outcome: Codes
    is_sent: Mask
    is_lost: Mask
    is_before: Mask
    stream: Turns
    streams: tuple[Stream, ...]
    sent_s: Numbers
    done_s: Numbers
    identity: Identity
    out_of_turn: OutOfTurn

    @classmethod
    def of(cls, evidence: TrialEvidence, moments: Moments | None = None) -> Facts:
        """Compute them; the moments are those of the timeline where none are given."""
        rows = evidence.attempts
        moments = moments or Moments.of(evidence)
        sent_s, done_s = _seconds(rows["sent"]), _seconds(rows["done"])
        out_of_turn = OutOfTurn.of(evidence, sent_s, done_s, moments)
        outcome = np.where(out_of_turn.wrong, np.uint8(Outcome.WRONG_ANSWER), rows["outcome"]).astype(np.uint8)
        is_sent = (outcome != Outcome.MISSED) & (outcome != Outcome.CLIENT_FAULT)
        slots = account(evidence.traffic, rows, _elapsed(evidence), evidence.workers)
        order = streams(evidence.traffic)
        stream = (rows["number"] % len(order)).astype(np.min_scalar_type(len(order)))
        return cls(
            evidence=evidence,
            moments=moments,
            slots=slots,
            outcome=outcome,
            is_sent=is_sent,
            is_lost=np.isin(outcome, [int(loss) for loss in LOSSES]),
            is_before=_before(outcome, _due(sent_s, order, stream), done_s, moments.begin),
            stream=stream,
            streams=order,
            sent_s=sent_s,
            done_s=done_s,
            identity=_identity(outcome, slots),
            out_of_turn=out_of_turn,
        )

    @property
    def late_ms(self) -> Numbers:
        """How long after its plan each request left; NaN where it never did. Made anew, since it is as long as all."""
        late = self.sent_s - self.evidence.attempts["planned"] / NS
        late *= 1000
        return late


def losses_by_label(codes: Codes) -> dict[str, int]:
    """Outcome label -> count, of the losses among some outcome codes; the most frequent first."""
    counts = np.bincount(codes, minlength=256)
    found = {loss.label: int(counts[loss]) for loss in sorted(LOSSES) if counts[loss]}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def strange_codes(codes: Codes) -> dict[str, int]:
    """Outcome codes that mean nothing, with their counts."""
    counts = np.bincount(codes, minlength=256)
    return {label_of(code): int(counts[code]) for code in np.flatnonzero(counts).tolist() if code not in set(Outcome)}


def _elapsed(evidence: TrialEvidence) -> int:
    """Nanoseconds of planning; without a known end or begin, up to the last slot that anybody wrote down."""
    if evidence.stopped_ns is not None and evidence.origin_ns:
        return evidence.stopped_ns - evidence.origin_ns
    rows = evidence.attempts
    return int(rows["planned"].max()) + 1 if len(rows) else 0


def _seconds(times: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Numbers:
    seconds: Numbers = times / NS
    seconds[times < 0] = np.nan
    return seconds


def delays(order: tuple[Stream, ...], stream: Turns) -> Numbers | None:
    """Seconds by which each answer was asked to be late; None where none was."""
    if not any(each.delay for each in order):
        return None
    found: Numbers = np.array([each.delay for each in order])[stream]
    return found


def _due(sent: Numbers, order: tuple[Stream, ...], stream: Turns) -> Numbers:
    """When each answer could come at the earliest: when the request left, and the delay that it asked for."""
    late = delays(order, stream)
    return sent if late is None else sent + late


def _before(outcome: Codes, due: Numbers, done: Numbers, begin: float | None) -> Mask:
    """Requests that were over when the change began, or that waited in vain and were overdue (``due``) by then."""
    if begin is None:
        return np.ones(len(done), dtype=bool)
    in_vain = np.isin(outcome, (Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE))
    before: Mask = (done < begin) | (in_vain & (due < begin - IN_FLIGHT_S.value))
    return before


def impossible_successes(facts: Facts) -> int:
    """Rows called OK that contradict themselves: a wrong status, no whole answer, an end before its begin."""
    rows = facts.evidence.attempts
    sane = _has_right_status(facts.evidence) & (rows["progress"] == Progress.ANSWERED)
    sane &= (rows["sent"] >= 0) & (rows["done"] >= rows["sent"])
    return int(((rows["outcome"] == Outcome.OK) & ~sane).sum())


def _has_right_status(evidence: TrialEvidence) -> Mask:
    """Rows whose status is one that their route may give: any 2xx, where it names none."""
    rows = evidence.attempts
    right: Mask = (rows["status"] >= 200) & (rows["status"] < 300)
    for index, route in enumerate(evidence.traffic.routes):
        if route.statuses:
            mine = rows["route"] == index
            right[mine] = np.isin(rows["status"][mine], route.statuses)
    return right


def _identity(outcome: Codes, slots: Slots) -> Identity:
    counts = np.bincount(outcome, minlength=256)
    missed, faults = int(counts[Outcome.MISSED]), int(counts[Outcome.CLIENT_FAULT])
    return Identity(
        planned=slots.planned,
        sent=len(outcome) - missed - faults,
        missed=missed,
        abandoned=slots.planned - slots.present,
        client_faults=faults,
        ok=int(counts[Outcome.OK]),
        lost=losses_by_label(outcome),
        unfinished=int(counts[Outcome.UNFINISHED]),
    )
