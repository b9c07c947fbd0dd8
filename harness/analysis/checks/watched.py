"""The questions put to traffic that was only watched: those about the instrument, the account and the schedule.

There is no change that a loss could come before, no control, and nothing that had to be observed.
"""

from __future__ import annotations

import numpy as np

from harness.analysis.checks import Check, completeness, coverage, instrument, losses, notes
from harness.analysis.facts import Facts
from harness.model.attempt import Outcome, Shape
from harness.model.verdict import Finding, FindingCode


def nothing_reused(facts: Facts) -> tuple[Finding, ...]:
    """No request travelled on a connection that had carried one before, though that was asked for.

    It takes nothing from the account: what was sent is told as it is. It is a matter of the server (it closes every
    connection) or of a watch with fewer requests than connections.
    """
    rows = facts.evidence.attempts
    of_pool = (facts.outcome == Outcome.OK) & (rows["shape"] == Shape.REUSED)
    if not of_pool.any() or (of_pool & (rows["carried"] > 0)).any():
        return ()
    return (Finding(FindingCode.NOTHING_REUSED, {"ok": int(np.count_nonzero(of_pool))}),)


#: In the order in which their findings are shown.
WATCH_CHECKS: tuple[Check, ...] = (
    instrument.seals_kept,
    instrument.trial_failed,
    instrument.calibration_exact,
    instrument.identity_holds,
    instrument.client_faults,
    losses.requests_lost,
    completeness.traffic_present,
    completeness.streams_succeed,
    completeness.every_slot_sent,
    completeness.every_attempt_finished,
    completeness.schedule_kept,
    completeness.machine_kept_up,
    coverage.sender_paused,
    notes.connections_cut,
    nothing_reused,
)
