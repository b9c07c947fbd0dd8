"""Every question that is put to a trial's evidence; each is one small function from facts to findings."""

from __future__ import annotations

from collections.abc import Callable

from harness.analysis.checks import completeness, coverage, in_place, instrument, losses, notes, releases, shapes
from harness.analysis.facts import Facts
from harness.model.verdict import Finding

Check = Callable[[Facts], tuple[Finding, ...]]

#: In the order in which their findings are shown: what makes the others worthless comes first.
CHECKS: tuple[Check, ...] = (
    instrument.seals_kept,
    instrument.trial_failed,
    instrument.calibration_exact,
    instrument.identity_holds,
    instrument.client_faults,
    in_place.interference,
    in_place.change_withheld,
    losses.loss_before_change,
    losses.requests_lost,
    releases.answered_out_of_turn,
    completeness.traffic_present,
    completeness.streams_succeed,
    completeness.change_observed,
    releases.stages_recorded,
    releases.versions_told,
    releases.shares_as_asked,
    releases.sessions_seen,
    coverage.overlap,
    shapes.connections_reused,
    shapes.idle_connections_used,
    shapes.slow_answers_under_way,
    completeness.every_slot_sent,
    completeness.every_attempt_finished,
    completeness.schedule_kept,
    completeness.machine_kept_up,
    completeness.nodes_well,
    completeness.watch_uninterrupted,
    completeness.clocks_agree,
    completeness.no_field_assumed,
    coverage.sender_paused,
    notes.false_green,
    notes.rollout_stuck,
    notes.prestop_failed,
    notes.connections_cut,
    notes.pool_not_filled,
    notes.clocks_compared,
    releases.rolled_back,
    releases.candidates_differ,
)
