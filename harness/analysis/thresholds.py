"""Defines every threshold of judging with its reason; reports print them all.

A threshold of 0 accepts nothing of its kind. Names and reasons are part of ``verdict.json``, so their words stay as
they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold of judging.

    Attributes:
        value: Value in the unit at the end of its name.
        reason: Reason for this value.
    """

    value: float
    reason: str


LATENESS_P99_MS = Threshold(
    100.0,
    "99 of 100 requests must leave within this time of their plan: loss shorter than the sender's own delay is not "
    "seen. A busy machine needs some 10 ms; what comes 250 ms late is not sent at all but counted as missed.",
)
SHORTEST_WINDOW_S = Threshold(
    1.0,
    "While the change is under way, and for this time at least, 9 of 10 requests must leave within the same time of "
    "their plan: in fewer seconds a single pause would decide, and that is told by itself.",
)
STALL_MEDIAN_MS = Threshold(
    150.0,
    "A second in which half of all requests left later than this: the machine gave the sender no processor time.",
)
SENDER_PAUSE_MS = Threshold(
    100.0,
    "A pause of the sender since the change began that is longer than this is told: no outage within it would have "
    "been seen. A busy machine needs some 10 ms; what comes 250 ms late is missed, and that is no longer a note.",
)
SEND_GAP_S = Threshold(
    0.3,
    "Longest time without a request of a stream while the change is under way, beside the distance that the schedule "
    "has there: what happens in a longer gap was seen by nobody.",
)
LONGEST_SEND_GAP_S = Threshold(
    1.0,
    "However low the rate: a stream that is silent for longer than this while the change is under way can't tell, "
    "since what a change loses it often loses within a second.",
)
IN_FLIGHT_S = Threshold(
    0.5,
    "A request that timed out, and had waited for this long (beside a delay that it asked for) when the change began, "
    "was lost without it; any other that ended later was in flight, and is the change's.",
)
MISSED_SLOTS = Threshold(0.0, "A planned request that was not sent has no outcome, and no outcome is no success.")
UNFINISHED = Threshold(0.0, "A request whose end nobody saw may be a lost one.")
CLOCK_ERROR_MS = Threshold(
    10.0,
    "By how much the times of a worker on another machine may be wrong: beyond that nobody can say whether a request "
    "was lost before the change or by it.",
)
GRACE_SLACK_S = Threshold(
    1.0,
    "A pod that was gone no sooner than its grace period less this was ended by SIGKILL: it never heeded SIGTERM.",
)
SETTLED_S = Threshold(
    1.5,
    "Routing counts as settled so long after it was seen to be changed: each nginx worker takes over what is behind a "
    "Service by a timer of its own, of 1 s. Until then either of two versions may answer, and no share is measured.",
)
SECOND_SYNC_S = Threshold(
    4.0,
    "The same, counted from the last thing that the ingress controller did within this time: ingress-nginx syncs at "
    "most once in 3.3 s, so what was asked for in two objects may be carried out in two goes.",
)
DIFFERENCE_P = Threshold(
    0.01,
    "Two candidates are said to differ where chance alone would make such a difference less often than this; it "
    "changes no verdict.",
)
MERGE_LOSSES_S = Threshold(0.5, "Losses closer together than this are shown as one stretch of time.")

#: All thresholds by name, for the report.
THRESHOLDS: Mapping[str, Threshold] = {
    "lateness of sending, 99th percentile (ms)": LATENESS_P99_MS,
    "lateness of sending, 90th percentile during the change, which is taken to last (s)": SHORTEST_WINDOW_S,
    "lateness of sending, median of any second (ms)": STALL_MEDIAN_MS,
    "pause of the sender since the change began, told above (ms)": SENDER_PAUSE_MS,
    "gap in sending during the change (s)": SEND_GAP_S,
    "longest gap in sending, at any rate (s)": LONGEST_SEND_GAP_S,
    "in flight when the change began (s)": IN_FLIGHT_S,
    "missed or abandoned requests": MISSED_SLOTS,
    "unfinished requests": UNFINISHED,
    "clocks of several machines, error (ms)": CLOCK_ERROR_MS,
    "grace period used up, less (s)": GRACE_SLACK_S,
    "shares and candidates, settled after (s)": SETTLED_S,
    "shares and candidates, second go within (s)": SECOND_SYNC_S,
    "candidates differ, p value below": DIFFERENCE_P,
    "stretches of loss, merged below (s)": MERGE_LOSSES_S,
}


def exported() -> dict[str, tuple[float, str]]:
    """Return ``(value, reason)`` by name, as in a ``RunVerdict``."""
    return {name: (threshold.value, threshold.reason) for name, threshold in THRESHOLDS.items()}
