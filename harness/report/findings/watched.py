"""What findings mean where traffic was only watched: told without a change, a control or an Experiment."""

from __future__ import annotations

from harness.model.verdict import FindingCode
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.findings.losses import requests_lost
from harness.report.findings.notes import sender_paused
from harness.report.words import count, plural


def _requests_lost(given: Given) -> Sentence:
    # Without advice: what usually is the cause behind an ingress need not be one here.
    return Sentence(requests_lost(given, "traffic began").text)


def _connections_cut(given: Given) -> Sentence:
    lost = given.int("lost_reused")
    looks = ", since this client looks before it reuses one" if given.has("looks") else ""
    cost = (
        f"{plural(lost, 'request')} on reused connections {'was' if lost == 1 else 'were'} lost."
        if lost
        else f"No request on a reused connection was lost{looks}."
    )
    rst = f" ({count(given.int('by_rst'))} by RST)" if given.int("by_rst") else ""
    return Sentence(
        f"{plural(given.int('cut'), 'kept-alive connection was', 'kept-alive connections were')} ended by the other "
        f"side{rst}. {cost}",
        "A server that ends idle connections does this all the time; one that reloads or restarts does it to many at "
        "once. A client that does not look before it reuses loses one request per connection.",
    )


def _sender_paused(given: Given) -> Sentence:
    return Sentence(sender_paused(given, "traffic began").text, "Lower --rate, or use a quieter machine.")


def _stream_without_success(given: Given) -> Sentence:
    return Sentence(
        f"{given.stream} never succeeded.",
        "Check the URL, the method and the expectations; a stream that was never sent needs more time or rate.",
    )


def _no_traffic(given: Given) -> Sentence:
    del given
    return Sentence("Nothing was sent, so nothing is known.")


def _missed(given: Given) -> Sentence:
    return Sentence(
        f"{count(given.int('count'))} of {plural(given.int('planned'), 'planned request')} could not be sent in time: "
        "what would have become of them is unknown.",
        "Lower --rate or --timeout, or use more --workers on a machine with more cores.",
    )


def _abandoned(given: Given) -> Sentence:
    return Sentence(
        f"{count(given.int('count'))} of {plural(given.int('planned'), 'planned request')} have no record: "
        "the sender died before their turn.",
        "See locust.log in the traffic folder, and watch again.",
    )


def _behind_schedule(given: Given) -> Sentence:
    return Sentence(
        f"The sender fell behind: one request in a hundred left {count(given.float('p99_ms'))} ms late or later "
        f"({count(given.float('max_ms'))} ms at most; {count(given.float('limit_ms'))} ms is accepted).",
        "Lower --rate, or use more --workers on a machine with more cores.",
    )


def _machine_saturated(given: Given) -> Sentence:
    return Sentence(
        f"For {plural(given.int('seconds'), 'second')} the machine left the sender without processor time (half of the "
        f"requests more than {count(given.float('limit_ms'))} ms late, {count(given.float('max_ms'))} ms at most).",
        "Lower --rate, or use a quieter machine.",
    )


def _trial_failed(given: Given) -> Sentence:
    return Sentence(f"The watch failed: {given.text('failure')}")


#: The sentences that differ from those of an Experiment.
SENTENCES: dict[FindingCode, Teller] = {
    FindingCode.REQUESTS_LOST: _requests_lost,
    FindingCode.CONNECTIONS_CUT: _connections_cut,
    FindingCode.SENDER_PAUSED: _sender_paused,
    FindingCode.STREAM_WITHOUT_SUCCESS: _stream_without_success,
    FindingCode.NO_TRAFFIC: _no_traffic,
    FindingCode.MISSED_SLOTS: _missed,
    FindingCode.ABANDONED_SLOTS: _abandoned,
    FindingCode.BEHIND_SCHEDULE: _behind_schedule,
    FindingCode.MACHINE_SATURATED: _machine_saturated,
    FindingCode.TRIAL_FAILED: _trial_failed,
}
