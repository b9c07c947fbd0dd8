"""Findings about releases: answers out of turn, shares, sessions, candidates."""

from __future__ import annotations

from harness.model.changes import facts_of
from harness.model.verdict import FindingCode
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.words import count, plural, probability, ratio, seconds


def _out_of_turn(given: Given) -> Sentence:
    facts = facts_of(given.text("change"))
    new, old = facts.new, facts.old
    back = f"{new} after the way back" if facts.old_stays else f"{old} any more, or by {new} after the way back"
    parts = [
        f"{count(given.int('early'))} by {new} before it was its turn" if given.int("early") else "",
        f"{count(given.int('late'))} that should not have been by {back}" if given.int("late") else "",
        f"{count(given.int('strayed'))} to sessions that belonged to the other candidate"
        if given.int("strayed")
        else "",
    ]
    told = "; ".join(part for part in parts if part) or "none is known"
    return Sentence(
        f"Answers that were good in themselves, but not from whom the route promises at that time: {told}. They are "
        "among the wrong answers.",
        "Look at the routes and at when the ingress took the change over: a rule that matches the public route too, an "
        "old worker that still serves, or a cookie that is not sent back.",
    )


def _asked(given: Given) -> str:
    where = f"Step {given.int('step')}" if given.int("step") else "The test"
    return f"{where} asked for {ratio(given.float('asked'))} for the new version"


def _not_as_asked(given: Given) -> Sentence:
    what = "session" if given.has("sessions") else "answer"
    return Sentence(
        f"{_asked(given)}, and it got {ratio(given.float('new') / max(1, given.int('counted')))} of "
        f"{plural(given.int('counted'), what)} ({count(given.int('new'))}): the true share lies between "
        f"{ratio(given.float('low'))} and {ratio(given.float('high'))} (99 %), but for a chance "
        "of one in a million between "
        f"{ratio(given.float('wide_low'))} and {ratio(given.float('wide_high'))}.",
        "The split is not carried out as written: look at the weights that the controller took over, at the number of "
        "ready pods behind each version, and whether anything balances before it.",
    )


def _not_measured(given: Given) -> Sentence:
    return Sentence(
        f"{_asked(given)}, but in {seconds(given.float('seconds'))} after it had settled no answer could be counted.",
        "Hold the step for longer, or send more requests on its route.",
    )


def _incomplete(given: Given) -> Sentence:
    return Sentence(
        f"The timeline does not tell all that belongs to the release: {given.text('missing')}. Who may answer in the "
        "meantime was asked of nobody.",
        "Run it again; if it comes back, look into timeline.jsonl for the change's events.",
    )


def _untold(given: Given) -> Sentence:
    return Sentence(
        f"{plural(given.int('count'), 'good answer')} can't be told to be the old or the new version's: of a body no "
        "more than 200 characters are kept, of an empty one nothing.",
        "Send this traffic to a path whose short answer names the version.",
    )


def _never_sticky(given: Given) -> Sentence:
    return Sentence(
        f"No session came back twice with its cookie {given.text('cookie')!r}: whether sessions stay is not known.",
        "Hold the test for longer, use fewer sessions, and look whether the answers set this cookie.",
    )


def _rolled_back(given: Given) -> Sentence:
    return Sentence(
        f"The canary was taken back: step {given.int('step')} had lost {plural(given.int('lost'), 'request')}.",
        "What follows was answered by the old version, as it should be.",
    )


def _differ(given: Given) -> Sentence:
    within = f" within {seconds(given.float('latency_s'))}" if given.has("latency_s") else ""
    a, b = (
        f"{ratio(given.float(f'{one}_successes') / max(1, given.int(f'{one}_sent')))} of "
        f"{plural(given.int(f'{one}_sent'), 'request')}"
        for one in ("a", "b")
    )
    return Sentence(
        f"The candidates differ: A succeeded{within} in {a}, B in {b} (p {probability(given.float('p_value'))}, "
        f"{'z test' if given.text('method') == 'z' else 'Fisher exact test'}).",
    )


#: The sentence of each finding.
SENTENCES: dict[FindingCode, Teller] = {
    FindingCode.ANSWERED_OUT_OF_TURN: _out_of_turn,
    FindingCode.SHARE_NOT_AS_ASKED: _not_as_asked,
    FindingCode.SHARE_NOT_MEASURED: _not_measured,
    FindingCode.RELEASE_INCOMPLETE: _incomplete,
    FindingCode.VERSION_UNTOLD: _untold,
    FindingCode.NEVER_STICKY: _never_sticky,
    FindingCode.ROLLED_BACK: _rolled_back,
    FindingCode.CANDIDATES_DIFFER: _differ,
}
