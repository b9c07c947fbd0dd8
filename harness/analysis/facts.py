"""Computes, once per trial, the masks and counts that more than one check needs.

All arrays are parallel to the ledger's rows. All work on them is done by numpy, so that a million attempts take well
under a second. Ten million must be possible as well, so arrays as long as the ledger are narrow and few at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.accounts.fates import Joined
from harness.analysis.accounts.trial import join_accounts
from harness.analysis.answer_versions import MistimedAnswers
from harness.analysis.bulk import Slots
from harness.analysis.evidence import TrialEvidence, label_of
from harness.analysis.moments import Moments
from harness.analysis.row_facts import Codes, Mask, Numbers, RowFacts, StreamIndices, delays, has_sane_success
from harness.analysis.slots import account
from harness.analysis.thresholds import IN_FLIGHT_S
from harness.model.attempt import LOSSES, Outcome
from harness.model.schedule import Stream
from harness.model.verdict import Identity


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of a trial that several checks use.

    Attributes:
        evidence: The trial's evidence.
        moments: Times of the change.
        own: The facts that follow from each row by itself.
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
    own: RowFacts
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
        moments = moments or Moments.of(evidence)
        own, bulk = RowFacts.of(evidence, moments), evidence.bulk
        slots = _slots(evidence) if bulk is None else bulk.slots
        return cls(
            evidence=evidence,
            moments=moments,
            own=own,
            slots=slots,
            outcome=own.outcome,
            is_sent=own.is_sent,
            is_lost=own.is_lost,
            is_before=_before(own, moments.begin),
            stream=own.stream,
            streams=own.streams,
            sent_s=own.sent_s,
            done_s=own.done_s,
            identity=_identity(own.outcome, slots, 0 if bulk is None else bulk.rows),
            mistimed=own.mistimed,
            joined=join_accounts(
                evidence,
                outcome=own.outcome,
                is_sent=own.is_sent,
                is_lost=own.is_lost,
                sent_s=own.sent_s,
                done_s=own.done_s,
            ),
        )

    @property
    def late_ms(self) -> Numbers:
        """Return how long after its planned time each request was sent; NaN if it never was.

        It is computed on each call, since it is as long as the ledger.
        """
        return self.own.late_ms


def losses_by_label(codes: Codes) -> dict[str, int]:
    """Return the losses among some outcome codes as counts by label, the most frequent first."""
    counts = np.bincount(codes, minlength=256)
    found = {loss.label: int(counts[loss]) for loss in sorted(LOSSES) if counts[loss]}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def unknown_codes(codes: Codes) -> dict[str, int]:
    """Return the outcome codes that do not exist, with their counts."""
    counts = np.bincount(codes, minlength=256)
    return {label_of(code): int(counts[code]) for code in np.flatnonzero(counts).tolist() if code not in set(Outcome)}


def _slots(evidence: TrialEvidence) -> Slots:
    return account(evidence.traffic, evidence.attempts, _elapsed(evidence), evidence.workers)


def _elapsed(evidence: TrialEvidence) -> int:
    """Return the nanoseconds of the schedule; if its start or end is unknown, up to the last recorded slot."""
    if evidence.stopped_ns is not None and evidence.origin_ns:
        return evidence.stopped_ns - evidence.origin_ns
    rows = evidence.attempts
    return int(rows["planned"].max()) + 1 if len(rows) else 0


def _before(own: RowFacts, begin: float | None) -> Mask:
    """Return True for requests that ended before the change, or timed out and were overdue when it began."""
    if begin is None:
        return np.ones(len(own.rows), dtype=bool)
    late = delays(own.streams, own.stream)
    due = own.sent_s if late is None else own.sent_s + late
    timed_out = np.isin(own.outcome, (Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE))
    before: Mask = (own.done_s < begin) | (timed_out & (due < begin - IN_FLIGHT_S.value))
    return before


def impossible_successes(facts: Facts) -> int:
    """Count rows with outcome OK that contradict it: wrong status, incomplete answer, or end before start."""
    rows = facts.evidence.attempts
    return int(((rows["outcome"] == Outcome.OK) & ~has_sane_success(facts.evidence, rows)).sum())


def _identity(outcome: Codes, slots: Slots, others: int) -> Identity:
    """Return the account; ``others`` are right answers that are not among the rows."""
    counts = np.bincount(outcome, minlength=256)
    missed, faults = int(counts[Outcome.MISSED]), int(counts[Outcome.CLIENT_FAULT])
    return Identity(
        planned=slots.planned,
        sent=len(outcome) + others - missed - faults,
        missed=missed,
        abandoned=slots.planned - slots.present,
        client_faults=faults,
        ok=int(counts[Outcome.OK]) + others,
        lost=losses_by_label(outcome),
        unfinished=int(counts[Outcome.UNFINISHED]),
    )
