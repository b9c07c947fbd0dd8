"""Computes, once per trial, the masks and counts that more than one check needs.

All arrays are parallel to the ledger's rows. All work on them is done by numpy, so that a million attempts take well
under a second. Ten million must be possible as well, so arrays as long as the ledger are narrow and few at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.accounts.fates import Joined
from harness.analysis.accounts.trial import join_accounts
from harness.analysis.answer_versions import MistimedAnswers
from harness.analysis.evidence import TrialEvidence, label_of
from harness.analysis.moments import NS, Moments
from harness.analysis.slots import Slots, account
from harness.analysis.thresholds import IN_FLIGHT_S
from harness.model.attempt import LOSSES, Outcome, Progress
from harness.model.schedule import Stream, streams
from harness.model.verdict import Identity

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Codes = np.ndarray[tuple[int], np.dtype[np.uint8]]
StreamIndices = np.ndarray[tuple[int], np.dtype[np.unsignedinteger[Any]]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of a trial that several checks use.

    Attributes:
        evidence: The trial's evidence.
        moments: Times of the change.
        slots: Comparison of ledger and schedule.
        outcome: Outcome codes; a mistimed answer is a ``WRONG_ANSWER`` here.
        is_sent: True for requests that were, or may have been, sent: neither missed nor a client fault.
        is_lost: True for lost requests.
        is_before: True for requests that the change can't have affected.
        stream: Index into ``streams``.
        streams: The plan's streams.
        sent_s: Sent time, seconds; NaN if it was never sent.
        done_s: Time at which the outcome was known, seconds; NaN if it never was.
        identity: The account of all slots.
        mistimed: Losses whose answer is right in itself, but not at its time.
        joined: The fate of each request by the accounts of all parties; None if only the client recorded them.
    """

    evidence: TrialEvidence
    moments: Moments
    slots: Slots
    outcome: Codes
    is_sent: Mask
    is_lost: Mask
    is_before: Mask
    stream: StreamIndices
    streams: tuple[Stream, ...]
    sent_s: Numbers
    done_s: Numbers
    identity: Identity
    mistimed: MistimedAnswers
    joined: Joined | None = None

    @classmethod
    def of(cls, evidence: TrialEvidence, moments: Moments | None = None) -> Facts:
        """Compute the facts; the moments default to those of the timeline."""
        rows = evidence.attempts
        moments = moments or Moments.of(evidence)
        sent_s, done_s = _seconds(rows["sent"]), _seconds(rows["done"])
        mistimed = MistimedAnswers.of(evidence, sent_s, done_s, moments)
        outcome = np.where(mistimed.wrong, np.uint8(Outcome.WRONG_ANSWER), rows["outcome"]).astype(np.uint8)
        is_sent = (outcome != Outcome.MISSED) & (outcome != Outcome.CLIENT_FAULT)
        slots = account(evidence.traffic, rows, _elapsed(evidence), evidence.workers)
        order = streams(evidence.traffic)
        stream = (rows["number"] % len(order)).astype(np.min_scalar_type(len(order)))
        is_lost = np.isin(outcome, [int(loss) for loss in LOSSES])
        return cls(
            evidence=evidence,
            moments=moments,
            slots=slots,
            outcome=outcome,
            is_sent=is_sent,
            is_lost=is_lost,
            is_before=_before(outcome, _due(sent_s, order, stream), done_s, moments.begin),
            stream=stream,
            streams=order,
            sent_s=sent_s,
            done_s=done_s,
            identity=_identity(outcome, slots),
            mistimed=mistimed,
            joined=join_accounts(
                evidence, outcome=outcome, is_sent=is_sent, is_lost=is_lost, sent_s=sent_s, done_s=done_s
            ),
        )

    @property
    def late_ms(self) -> Numbers:
        """Return how long after its planned time each request was sent; NaN if it never was.

        It is computed on each call, since it is as long as the ledger.
        """
        late = self.sent_s - self.evidence.attempts["planned"] / NS
        late *= 1000
        return late


def losses_by_label(codes: Codes) -> dict[str, int]:
    """Return the losses among some outcome codes as counts by label, the most frequent first."""
    counts = np.bincount(codes, minlength=256)
    found = {loss.label: int(counts[loss]) for loss in sorted(LOSSES) if counts[loss]}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def unknown_codes(codes: Codes) -> dict[str, int]:
    """Return the outcome codes that do not exist, with their counts."""
    counts = np.bincount(codes, minlength=256)
    return {label_of(code): int(counts[code]) for code in np.flatnonzero(counts).tolist() if code not in set(Outcome)}


def _elapsed(evidence: TrialEvidence) -> int:
    """Return the nanoseconds of the schedule; if its start or end is unknown, up to the last recorded slot."""
    if evidence.stopped_ns is not None and evidence.origin_ns:
        return evidence.stopped_ns - evidence.origin_ns
    rows = evidence.attempts
    return int(rows["planned"].max()) + 1 if len(rows) else 0


def _seconds(times: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Numbers:
    seconds: Numbers = times / NS
    seconds[times < 0] = np.nan
    return seconds


def delays(order: tuple[Stream, ...], stream: StreamIndices) -> Numbers | None:
    """Return the requested delay of each answer in seconds; None if there is none."""
    if not any(each.delay for each in order):
        return None
    found: Numbers = np.array([each.delay for each in order])[stream]
    return found


def _due(sent: Numbers, order: tuple[Stream, ...], stream: StreamIndices) -> Numbers:
    """Return the earliest time at which each answer could come: sent time plus requested delay."""
    late = delays(order, stream)
    return sent if late is None else sent + late


def _before(outcome: Codes, due: Numbers, done: Numbers, begin: float | None) -> Mask:
    """Return True for requests that ended before the change, or timed out and were overdue when it began."""
    if begin is None:
        return np.ones(len(done), dtype=bool)
    timed_out = np.isin(outcome, (Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE))
    before: Mask = (done < begin) | (timed_out & (due < begin - IN_FLIGHT_S.value))
    return before


def impossible_successes(facts: Facts) -> int:
    """Count rows with outcome OK that contradict it: wrong status, incomplete answer, or end before start."""
    rows = facts.evidence.attempts
    sane = _has_right_status(facts.evidence) & (rows["progress"] == Progress.ANSWERED)
    sane &= (rows["sent"] >= 0) & (rows["done"] >= rows["sent"])
    return int(((rows["outcome"] == Outcome.OK) & ~sane).sum())


def _has_right_status(evidence: TrialEvidence) -> Mask:
    """Return True for rows with a status that their route allows: any 2xx if it names none."""
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
