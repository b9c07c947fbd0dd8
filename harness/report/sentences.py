"""Findings to English: what was found, and what to do about it. The only place where such text is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.model.timeline import Detail
from harness.model.verdict import Finding, FindingCode
from harness.report.words import between, count, plural, seconds, share


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finding for people.

    Attributes:
        text: What was found.
        advice: What to do about it; empty where nothing needs to be done.
    """

    text: str
    advice: str = ""


def explain(finding: Finding) -> Sentence:
    """The sentence of a finding."""
    sentence = _SENTENCES[finding.code](_Given(finding.numbers))
    trial = finding.numbers.get("trial")
    return Sentence(f"Trial {trial}: {sentence.text}", sentence.advice) if trial else sentence


class _Given:
    """A finding's numbers; what an older version did not record reads as nothing."""

    def __init__(self, numbers: Detail) -> None:
        self._numbers = numbers

    def text(self, name: str) -> str:
        return str(self._numbers.get(name, ""))

    def int(self, name: str) -> int:
        value = self._numbers.get(name, 0)
        return int(value) if not isinstance(value, str) else 0

    def float(self, name: str) -> float:
        value = self._numbers.get(name, 0.0)
        return float(value) if not isinstance(value, str) else 0.0

    def has(self, name: str) -> bool:
        return bool(self._numbers.get(name))

    @property
    def stream(self) -> str:
        return f"{self.text('method')} {self.text('path')} on {self.text('shape')} connections"


def _calibration_missing(given: _Given) -> Sentence:
    del given
    return Sentence(
        "The detector was not proved: no known faults were sent through it, so its silence means nothing.",
        "Run the Experiment again; if it stays so, look into locust.log in the trial's traffic folder.",
    )


def _calibration_not_exact(given: _Given) -> Sentence:
    advice = "What the client reports can't be trusted here. Please report it, with calibration.json and its ledger."
    if given.has("duplicates"):
        return Sentence(
            f"The faulty server got {plural(given.int('duplicates'), 'request')} more than once: "
            "something between it and the client re-sends, and so hides losses.",
            advice,
        )
    if given.has("failure"):
        return Sentence(f"The calibration failed on our own side: {given.text('failure')}", advice)
    if given.has("expected"):
        return Sentence(
            f"The detector met the known fault “{given.text('fault')}” {given.int('planned')} times, each of which is "
            f"“{given.text('expected')}”, but recorded: {given.text('found')}.",
            advice,
        )
    return Sentence(
        f"Of {given.int('planned')} requests for “{given.text('fault')}” the faulty server got {given.int('served')}.",
        advice,
    )


def _identity_broken(given: _Given) -> Sentence:
    parts = [
        plural(given.int(name), word, more)
        for name, word, more in (
            ("duplicates", "slot recorded twice", "slots recorded twice"),
            ("foreign", "record that the schedule does not know", "records that the schedule does not know"),
            ("unknown_outcomes", "unknown outcome", "unknown outcomes"),
        )
        if given.int(name)
    ]
    parts += [] if given.has("end_known") else ["the end of sending was not recorded"]
    detail = f" ({', '.join(parts)})" if parts else ""
    return Sentence(
        f"The accounting does not add up: {plural(given.int('planned'), 'request')} planned, "
        f"{plural(given.int('rows'), 'record')} in the ledger{detail}.",
        "The ledger is damaged, or the harness is wrong: run again, and report it if it stays so.",
    )


def _client_faults(given: _Given) -> Sentence:
    what = (
        f"{plural(given.int('count'), 'request')} failed on our own machine"
        if given.has("count")
        else "The sender itself failed"
    )
    why = f": {given.text('failure')}" if given.has("failure") else " (ports, file descriptors or memory)"
    return Sentence(f"{what}{why}.", "Run `harness doctor`, raise the limits that it names, and run again.")


def _loss_before_change(given: _Given) -> Sentence:
    early = given.int("early_answers")
    answers = f" {plural(early, 'answer')} came from the new version before there was one." if early else ""
    return Sentence(
        f"{plural(given.int('lost'), 'request was', 'requests were')} lost before the change began "
        f"({given.text('classes')}): the environment loses requests by itself.{answers}",
        "Find out what fails without any change; until then nothing can be said of the change.",
    )


def _loss_in_control(given: _Given) -> Sentence:
    return Sentence(
        f"The control, in which nothing is changed, lost {count(given.int('lost'))} of {count(given.int('sent'))}: "
        "whatever is lost in this configuration may be the environment's own fault.",
        "Make the control lossless first (other load on the machine, a broken backend, too high a rate).",
    )


def _check_raised(given: _Given) -> Sentence:
    return Sentence(
        f"The check “{given.text('check')}” could not be carried out: {given.text('error')}",
        "This is a fault of the harness or of damaged evidence; please report it.",
    )


def _trial_failed(given: _Given) -> Sentence:
    if given.has("absent"):
        return Sentence(
            f"{count(given.int('absent'))} of {plural(given.int('planned'), 'trial')} did not take place.",
            "Run the Experiment again.",
        )
    return Sentence(
        f"The trial failed: {given.text('failure')}",
        "See the logs in the trial's folder, mend the cause, and run again.",
    )


def _control_missing(given: _Given) -> Sentence:
    text = (
        "The control of this configuration failed, so it shows nothing."
        if given.int("trials")
        else "This configuration has no control: nobody knows what it loses when nothing is changed."
    )
    return Sentence(text, "Add `none` to the Experiment's changes, or see why its trial failed.")


def _requests_lost(given: _Given) -> Sentence:
    lost = given.int("lost")
    by = ", ".join(
        f"{count(given.int(f'lost_{key}'))} {label}"
        for key, label in (("get", "GET"), ("post", "POST"), ("new", "on new"), ("reused", "on reused connections"))
    )
    status = f"; HTTP status {given.text('statuses')}" if given.has("statuses") else ""
    return Sentence(
        f"{count(lost)} of {plural(given.int('sent'), 'request')} ({share(lost, given.int('sent'))}) "
        f"{'was' if lost == 1 else 'were'} lost, {between(given.float('first_s'), given.float('last_s'))} after the "
        f"change began: {given.text('classes')}{status}. By kind: {by}."
    )


def _no_traffic(given: _Given) -> Sentence:
    del given
    return Sentence("Nothing was sent, so nothing is known.", "See locust.log in the trial's traffic folder.")


def _stream_without_success(given: _Given) -> Sentence:
    return Sentence(
        f"{given.stream} never succeeded, not even before the change.",
        "Check the path, the method and the expected answers in the Experiment.",
    )


def _missed(given: _Given) -> Sentence:
    return Sentence(
        f"{count(given.int('count'))} of {plural(given.int('planned'), 'planned request')} could not be sent in time: "
        "what would have become of them is unknown.",
        "Lower the rate, raise traffic.concurrency, or run fewer cells side by side (--parallel).",
    )


def _abandoned(given: _Given) -> Sentence:
    return Sentence(
        f"{count(given.int('count'))} of {plural(given.int('planned'), 'planned request')} have no record: "
        "the sender died or was stopped before their turn.",
        "See locust.log in the trial's traffic folder, and run again.",
    )


def _unfinished(given: _Given) -> Sentence:
    return Sentence(
        f"{plural(given.int('count'), 'request')} left and nobody saw the end: that is no success.",
        "The sender was cut off while draining; see locust.log, and run again.",
    )


def _change_not_observed(given: _Given) -> Sentence:
    if not given.has("begun"):
        return Sentence("The change was never begun.", "See why the trial ended before it.")
    missing = f" Awaited in vain: {given.text('missing')}." if given.has("missing") else ""
    return Sentence(
        f"The change was to be made {plural(given.int('times'), 'time')}; it was applied {given.int('applied')} and "
        f"seen to have happened {given.int('observed')} times.{missing}",
        "Nothing can be said of a change that did not happen: check that it really alters the object that gets "
        "traffic, and that the new version becomes ready.",
    )


def _no_overlap(given: _Given) -> Sentence:
    return Sentence(
        f"{given.stream}: {count(given.int('before'))} requests before the change, {count(given.int('during'))} during "
        f"it, {count(given.int('after'))} after it, with a gap of {seconds(given.float('gap_s'))} at the longest: "
        "an outage could have gone unseen.",
        "Raise the rate, or baseline and settle, so that every stream covers the change.",
    )


def _behind_schedule(given: _Given) -> Sentence:
    return Sentence(
        f"The sender fell behind: one request in a hundred left {count(given.float('p99_ms'))} ms late or later "
        f"({count(given.float('max_ms'))} ms at most; {count(given.float('limit_ms'))} ms is accepted).",
        "Lower the rate or run fewer cells side by side (--parallel).",
    )


def _machine_saturated(given: _Given) -> Sentence:
    return Sentence(
        f"For {plural(given.int('seconds'), 'second')} the machine left the sender without processor time (half of the "
        f"requests more than {count(given.float('limit_ms'))} ms late, {count(given.float('max_ms'))} ms at most).",
        "Run fewer cells side by side (--parallel), or use a quieter machine.",
    )


def _watch_interrupted(given: _Given) -> Sentence:
    return Sentence(
        f"The cluster was out of sight {plural(given.int('count'), 'time')} while it changed, first "
        f"{seconds(given.float('first_s'))} after the change began: its events may be incomplete.",
        "Check the connection to the API server, and run again.",
    )


def _false_green(given: _Given) -> Sentence:
    image = f" ({given.text('image')})" if given.has("image") else ""
    return Sentence(
        "A false green: nothing was lost although no preStop holds SIGTERM back. "
        f"The old pods{image} ignore SIGTERM and served until SIGKILL at the end of their "
        f"{given.float('grace_s'):.0f} s grace period.",
        "As soon as the application heeds SIGTERM, as it should, this configuration loses requests: "
        "add a preStop sleep (5 s or more behind ingress-nginx).",
    )


def _connections_cut(given: _Given) -> Sentence:
    lost = given.int("lost_reused")
    looks = ", since this client looks before it reuses one" if given.has("looks") else ""
    cost = (
        f"{plural(lost, 'request')} on reused connections {'was' if lost == 1 else 'were'} lost."
        if lost
        else f"No request on a reused connection was lost{looks}."
    )
    rst = f" ({count(given.int('by_rst'))} by RST)" if given.int("by_rst") else ""
    return Sentence(
        f"{plural(given.int('cut'), 'kept-alive connection was', 'kept-alive connections were')} cut{rst}, of "
        f"{count(given.int('pooled'))} that were open when the change began. {cost}",
        "A client that does not look before it reuses loses one request per connection. Where a change of the Service "
        "can do what an edit of the Ingress does, nothing is cut.",
    )


def _pool_not_filled(given: _Given) -> Sentence:
    return Sentence(
        f"When the change began, {count(given.int('pooled'))} of {plural(given.int('size'), 'pooled connection')} were "
        "open: what it does to kept-alive connections shows less than it could.",
        "Lengthen the baseline, raise the rate, or make the pool smaller.",
    )


def _rollout_stuck(given: _Given) -> Sentence:
    return Sentence(
        f"The rollout got stuck, as it was meant to, and was called failed at its deadline of "
        f"{seconds(given.float('deadline_s'))}. progressDeadlineSeconds loses nothing: the old pods go on serving.",
    )


def _prestop_failed(given: _Given) -> Sentence:
    return Sentence(
        f"The preStop hook of {plural(given.int('count'), 'pod')} failed, so SIGTERM came at once: "
        f"{given.text('message')}",
        "An exec hook needs its program in the image. Use the native preStop.sleep, which needs none.",
    )


def _class_not_seen(given: _Given) -> Sentence:
    return Sentence(
        f"Losses of class {given.text('expected')} were expected; there were {given.text('found')} instead.",
        "The cause is another one than the Experiment says: see the failures by class below.",
    )


def _loss_outside_window(given: _Given) -> Sentence:
    return Sentence(
        f"Requests were lost up to {seconds(given.float('found_s'))} after the change was made; "
        f"at most {seconds(given.float('expected_s'))} were expected.",
        "Something takes longer than the Experiment says: see the chart.",
    )


_SENTENCES: Mapping[FindingCode, Callable[[_Given], Sentence]] = {
    FindingCode.CALIBRATION_MISSING: _calibration_missing,
    FindingCode.CALIBRATION_NOT_EXACT: _calibration_not_exact,
    FindingCode.IDENTITY_BROKEN: _identity_broken,
    FindingCode.CLIENT_FAULTS: _client_faults,
    FindingCode.LOSS_BEFORE_CHANGE: _loss_before_change,
    FindingCode.LOSS_IN_CONTROL: _loss_in_control,
    FindingCode.CHECK_RAISED: _check_raised,
    FindingCode.TRIAL_FAILED: _trial_failed,
    FindingCode.CONTROL_MISSING: _control_missing,
    FindingCode.REQUESTS_LOST: _requests_lost,
    FindingCode.NO_TRAFFIC: _no_traffic,
    FindingCode.STREAM_WITHOUT_SUCCESS: _stream_without_success,
    FindingCode.MISSED_SLOTS: _missed,
    FindingCode.ABANDONED_SLOTS: _abandoned,
    FindingCode.UNFINISHED: _unfinished,
    FindingCode.CHANGE_NOT_OBSERVED: _change_not_observed,
    FindingCode.NO_OVERLAP: _no_overlap,
    FindingCode.BEHIND_SCHEDULE: _behind_schedule,
    FindingCode.MACHINE_SATURATED: _machine_saturated,
    FindingCode.WATCH_INTERRUPTED: _watch_interrupted,
    FindingCode.FALSE_GREEN: _false_green,
    FindingCode.CONNECTIONS_CUT: _connections_cut,
    FindingCode.POOL_NOT_FILLED: _pool_not_filled,
    FindingCode.ROLLOUT_STUCK: _rollout_stuck,
    FindingCode.PRESTOP_FAILED: _prestop_failed,
    FindingCode.CLASS_NOT_SEEN: _class_not_seen,
    FindingCode.LOSS_OUTSIDE_WINDOW: _loss_outside_window,
}
