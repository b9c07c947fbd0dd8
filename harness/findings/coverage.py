"""Findings about coverage: each stream must send before, during and after the change, without a long gap.

Sent times are compared with the schedule itself and not with its mean: random arrivals and slow parts of a ramp have
long distances without any fault of the sender.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.facts import Facts
from harness.analysis.moments import NS
from harness.analysis.planned import Integers, planner
from harness.analysis.row_facts import Mask, Numbers
from harness.analysis.slots import global_slots
from harness.analysis.thresholds import LONGEST_SEND_GAP_S, SEND_GAP_S
from harness.findings.finding_type import OfStream, Sentence, TrialFinding, name_of
from harness.model.verdict import Weight
from harness.wording import count, seconds


@dataclass(frozen=True, kw_only=True)
class NoOverlap(OfStream, TrialFinding, code="no-overlap", weight=Weight.EVIDENCE):
    """A stream did not cover the change, so an outage could have stayed unseen."""

    before: int
    during: int
    after: int
    gap_s: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NoOverlap]:
        """Yield a finding for each stream that misses a part of the change, or has a gap that is too long."""
        begin, end = facts.moments.begin, facts.moments.end
        if begin is None or end is None or not facts.identity.sent:
            return
        for index in range(len(facts.streams)):
            yield from cls._of(facts, index, begin, end)

    @classmethod
    def _of(cls, facts: Facts, index: int, begin: float, end: float) -> Iterator[NoOverlap]:
        rows = facts.evidence.attempts
        mine: Mask = facts.stream == index
        left: Mask = mine & facts.own.is_timed
        places = np.flatnonzero(left)
        sent = facts.sent_s[places]
        if (np.diff(sent) < 0).any():
            order = np.argsort(sent, kind="stable")
            places, sent = places[order], sent[order]
        before, through = np.searchsorted(sent, [begin, end], side="right").tolist()
        during, after = through - before, len(sent) - through
        others = None if facts.evidence.bulk is None else facts.evidence.bulk.streams[index]
        if others is not None:
            before, during, after = before + others.before, during + others.during, after + others.after
        # A change that begins and ends between two requests of a stream is covered if the gap is short enough.
        planned = rows["planned"][mine]
        due = int(((planned >= begin * NS) & (planned <= end * NS)).sum()) + (others.due if others is not None else 0)
        covered = before and after and (during or due <= 1)
        if covered and not _is_silent(facts, sent, places, begin, min(end, facts.moments.stop)):
            return
        gap = _largest_gap(sent, begin, min(end, facts.moments.stop))
        yield cls(**name_of(facts.streams[index]), before=before, during=during, after=after, gap_s=round(gap, 3))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self.stream}: {count(self.before)} requests before the change, {count(self.during)} during "
            f"it, {count(self.after)} after it, with a gap of {seconds(self.gap_s)} at the longest: "
            "an outage could have gone unseen.",
            "Raise the rate, or baseline and settle, so that every stream covers the change.",
        )


def _is_silent(facts: Facts, sent: Numbers, places: Integers, begin: float, end: float) -> bool:
    """Return True if a gap that touches the change is longer than the schedule explains, or than is ever accepted."""
    gaps = np.diff(sent)
    touching = (sent[:-1] <= end) & (sent[1:] >= begin) & (gaps > SEND_GAP_S.value)
    if not touching.any():
        return False
    kinds, evidence = len(facts.streams), facts.evidence
    slots = global_slots(evidence.attempts[places[:-1][touching]], evidence.workers, kinds)
    times = planner(evidence.traffic)
    slots = np.maximum(slots, 0)
    planned = (times(slots + kinds) - times(slots)) / NS
    return bool((gaps[touching] > np.minimum(SEND_GAP_S.value + planned, LONGEST_SEND_GAP_S.value)).any())


def _largest_gap(sent: Numbers, begin: float, end: float) -> float:
    """Return the longest of the gaps that touch the change, in seconds."""
    edges = np.concatenate(([min(begin, sent[0]) if len(sent) else begin], sent, [max(end, begin)]))
    starts, lengths = edges[:-1], np.diff(edges)
    touching = (starts <= end) & (starts + lengths >= begin)
    return float(lengths[touching].max(initial=0.0))
