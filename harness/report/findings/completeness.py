"""Findings about evidence that is missing: without it nobody knows, and unknown is not success."""

from __future__ import annotations

from harness.model.verdict import FindingCode
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.words import count, milliseconds, plural, seconds


def _control_missing(given: Given) -> Sentence:
    if not given.int("trials"):
        return Sentence(
            "This configuration has no control: nobody knows what it loses when nothing is changed.",
            "Add `none` to the Experiment's changes.",
        )
    if given.has("stopped"):
        return Sentence("The control of this configuration has no result, since the run was stopped.")
    return Sentence(
        "The control of this configuration is inconclusive, so nobody knows what it loses when nothing is changed.",
        "See what was found in the control.",
    )


def _no_traffic(given: Given) -> Sentence:
    del given
    return Sentence("Nothing was sent, so nothing is known.", "See locust.log in the trial's traffic folder.")


def _stream_without_success(given: Given) -> Sentence:
    return Sentence(
        f"{given.stream} never succeeded, not even before the change.",
        "Check the path, the method and the expected answers in the Experiment.",
    )


def _missed(given: Given) -> Sentence:
    return Sentence(
        f"{count(given.int('count'))} of {plural(given.int('planned'), 'planned request')} could not be sent in time: "
        "what would have become of them is unknown.",
        "Lower the rate, raise traffic.concurrency, or run fewer cells side by side (--parallel).",
    )


def _abandoned(given: Given) -> Sentence:
    return Sentence(
        f"{count(given.int('count'))} of {plural(given.int('planned'), 'planned request')} have no record: "
        "the sender died or was stopped before their turn.",
        "See locust.log in the trial's traffic folder, and run again.",
    )


def _unfinished(given: Given) -> Sentence:
    return Sentence(
        f"{plural(given.int('count'), 'request')} left and nobody saw the end: that is no success.",
        "The sender was cut off while draining; see locust.log, and run again.",
    )


def _change_not_observed(given: Given) -> Sentence:
    if not given.has("begun"):
        return Sentence("The change was never begun.", "See why the trial ended before it.")
    missing = f" Awaited in vain: {given.text('missing')}." if given.has("missing") else ""
    return Sentence(
        f"The change was to be made {plural(given.int('times'), 'time')}; it was applied {given.int('applied')} and "
        f"seen to have happened {given.int('observed')} times.{missing}",
        "Nothing can be said of a change that did not happen: check that it really alters the object that gets "
        "traffic, and that the new version becomes ready.",
    )


def _no_overlap(given: Given) -> Sentence:
    return Sentence(
        f"{given.stream}: {count(given.int('before'))} requests before the change, {count(given.int('during'))} during "
        f"it, {count(given.int('after'))} after it, with a gap of {seconds(given.float('gap_s'))} at the longest: "
        "an outage could have gone unseen.",
        "Raise the rate, or baseline and settle, so that every stream covers the change.",
    )


def _never_reused(given: Given) -> Sentence:
    return Sentence(
        f"{given.stream}: since the change began no request travelled on a connection that had carried one before, so "
        "nothing is known of reused connections.",
        "Raise the rate or make the pool smaller; see whether the server closes every connection.",
    )


def _never_idle(given: Given) -> Sentence:
    return Sentence(
        f"{given.stream}: since the change began no request travelled on a connection that had been idle for "
        f"{seconds(given.float('idle_s'))}, so nothing is known of idle connections.",
        "Lengthen the settle time; see whether the server closes connections that are idle for so long.",
    )


def _nothing_under_way(given: Given) -> Sentence:
    usual = (
        f"; half of them were answered within {milliseconds(given.float('answered_s') * 1000)}"
        if given.has("answered_s")
        else ""
    )
    return Sentence(
        f"{given.stream}: when the change began no request was waiting for its answer, which was to take "
        f"{seconds(given.float('delay_s'))}{usual}. So nothing is known of answers that are under way.",
        "The application must honour ?delay=2s in the query, as harness/slow-echo does; http-echo does not.",
    )


def _behind_schedule(given: Given) -> Sentence:
    how = "while the change was under way, one request in ten" if given.has("p90_ms") else "one request in a hundred"
    late = given.float("p90_ms") or given.float("p99_ms")
    return Sentence(
        f"The sender fell behind: {how} left {count(late)} ms late or later "
        f"({count(given.float('max_ms'))} ms at most; {count(given.float('limit_ms'))} ms is accepted).",
        "Lower the rate or run fewer cells side by side (--parallel).",
    )


def _machine_saturated(given: Given) -> Sentence:
    return Sentence(
        f"For {plural(given.int('seconds'), 'second')} the machine left the sender without processor time (half of the "
        f"requests more than {count(given.float('limit_ms'))} ms late, {count(given.float('max_ms'))} ms at most).",
        "Run fewer cells side by side (--parallel), or use a quieter machine.",
    )


def _node_unwell(given: Given) -> Sentence:
    return Sentence(
        f"The node {given.text('node')} was not well while traffic flowed ({given.text('conditions')}), first "
        f"{seconds(given.float('first_s'))} after its begin: what pods and probes did then says little of the change.",
        "Give the node what it lacks (memory, disk), or run fewer things on it, and run again.",
    )


def _watch_interrupted(given: Given) -> Sentence:
    return Sentence(
        f"The cluster was out of sight {plural(given.int('count'), 'time')} while it changed, first "
        f"{seconds(given.float('first_s'))} after the change began: its events may be incomplete.",
        "Check the connection to the API server, and run again.",
    )


def _clock_uncertain(given: Given) -> Sentence:
    return Sentence(
        f"The clock of worker {given.int('worker')} is known to {given.float('error_ms'):g} ms alone "
        f"({given.float('limit_ms'):g} ms is accepted): when its requests were lost is not known well enough.",
        "Use workers on a nearer network, and machines whose clocks do not jump.",
    )


def _field_assumed(given: Given) -> Sentence:
    return Sentence(
        f"This run assumes that {given.text('field')} of {given.text('object')} has no effect on requests, and the "
        f"embedded cluster does not implement it: {given.text('effect')}.",
        "For a verdict, remove the field or run with --cluster kind.",
    )


#: The sentence of each finding.
SENTENCES: dict[FindingCode, Teller] = {
    FindingCode.CONTROL_MISSING: _control_missing,
    FindingCode.NO_TRAFFIC: _no_traffic,
    FindingCode.STREAM_WITHOUT_SUCCESS: _stream_without_success,
    FindingCode.MISSED_SLOTS: _missed,
    FindingCode.ABANDONED_SLOTS: _abandoned,
    FindingCode.UNFINISHED: _unfinished,
    FindingCode.CHANGE_NOT_OBSERVED: _change_not_observed,
    FindingCode.NO_OVERLAP: _no_overlap,
    FindingCode.NEVER_REUSED: _never_reused,
    FindingCode.NEVER_IDLE: _never_idle,
    FindingCode.NOTHING_UNDER_WAY: _nothing_under_way,
    FindingCode.BEHIND_SCHEDULE: _behind_schedule,
    FindingCode.MACHINE_SATURATED: _machine_saturated,
    FindingCode.NODE_UNWELL: _node_unwell,
    FindingCode.WATCH_INTERRUPTED: _watch_interrupted,
    FindingCode.CLOCK_UNCERTAIN: _clock_uncertain,
    FindingCode.FIELD_ASSUMED: _field_assumed,
}
