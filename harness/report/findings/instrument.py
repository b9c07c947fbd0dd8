"""Findings about the instrument: it can't be trusted, so nothing that it measured is worth anything."""

from __future__ import annotations

from harness.model.verdict import FindingCode
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.words import count, plural


def _seal_broken(given: Given) -> Sentence:
    more = given.int("count") - 1
    others = f" and {plural(more, 'other')}" if more > 0 else ""
    return Sentence(
        f"The evidence is not as it was sealed ({given.text('first') or 'some file'}{others}): what it says now is not "
        "what was recorded.",
        "Take an untouched copy of the run directory, or run again.",
    )


def _calibration_missing(given: Given) -> Sentence:
    what = f"it was not shown {given.text('absent')}" if given.has("absent") else "no known faults were sent through it"
    return Sentence(
        f"The detector was not proved: {what}, so its silence means nothing.",
        "Run the Experiment again; if it stays so, look into locust.log in the trial's traffic folder.",
    )


def _calibration_not_exact(given: Given) -> Sentence:
    advice = "What the client reports can't be trusted here. Please report it, with calibration-0.json and its ledger."
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


def _identity_broken(given: Given) -> Sentence:
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


def _client_faults(given: Given) -> Sentence:
    what = (
        f"{plural(given.int('count'), 'request')} failed on our own machine"
        if given.has("count")
        else "The sender itself failed"
    )
    why = f": {given.text('failure').rstrip('.')}" if given.has("failure") else " (ports, file descriptors or memory)"
    return Sentence(f"{what}{why}.", "Run `harness doctor`, raise the limits that it names, and run again.")


def _loss_before_change(given: Given) -> Sentence:
    early = given.int("early_answers")
    answers = f" {plural(early, 'answer')} came from the new version before there was one." if early else ""
    if not given.has("begun"):
        return Sentence(
            f"{plural(given.int('lost'), 'request was', 'requests were')} lost ({given.text('classes')}), and no "
            "change is on record that could have cost them.",
            "See why the change never began, or why there is no record of it.",
        )
    return Sentence(
        f"{plural(given.int('lost'), 'request was', 'requests were')} lost before the change began "
        f"({given.text('classes')}): the environment loses requests by itself.{answers}",
        "Find out what fails without any change; until then nothing can be said of the change.",
    )


def _loss_in_control(given: Given) -> Sentence:
    return Sentence(
        f"The control, in which nothing is changed, lost {count(given.int('lost'))} of {count(given.int('sent'))}: "
        "whatever is lost in this configuration may be the environment's own fault.",
        "Make the control lossless first (other load on the machine, a broken backend, too high a rate).",
    )


def _check_raised(given: Given) -> Sentence:
    return Sentence(
        f"The check “{given.text('check')}” could not be carried out: {given.text('error')}",
        "This is a fault of the harness or of damaged evidence; please report it.",
    )


def _trial_failed(given: Given) -> Sentence:
    if given.has("absent"):
        return Sentence(
            f"{count(given.int('absent'))} of {plural(given.int('planned'), 'trial')} did not take place.",
            "Run the Experiment again.",
        )
    return Sentence(
        f"The trial failed: {given.text('failure')}",
        "See the logs in the trial's folder, mend the cause, and run again.",
    )


def _not_run(given: Given) -> Sentence:
    del given
    return Sentence("Not run: the run was stopped before it.")


def _cut_short(given: Given) -> Sentence:
    return Sentence(
        f"Cut short: the run was stopped when {plural(given.int('sent'), 'request')} of it had been sent, "
        f"{count(given.int('lost'))} of them lost.",
    )


#: The sentence of each finding.
SENTENCES: dict[FindingCode, Teller] = {
    FindingCode.SEAL_BROKEN: _seal_broken,
    FindingCode.CALIBRATION_MISSING: _calibration_missing,
    FindingCode.CALIBRATION_NOT_EXACT: _calibration_not_exact,
    FindingCode.IDENTITY_BROKEN: _identity_broken,
    FindingCode.CLIENT_FAULTS: _client_faults,
    FindingCode.LOSS_BEFORE_CHANGE: _loss_before_change,
    FindingCode.LOSS_IN_CONTROL: _loss_in_control,
    FindingCode.CHECK_RAISED: _check_raised,
    FindingCode.TRIAL_FAILED: _trial_failed,
    FindingCode.NOT_RUN: _not_run,
    FindingCode.CUT_SHORT: _cut_short,
}
