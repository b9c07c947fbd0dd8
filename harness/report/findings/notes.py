"""What a reader should know beside the verdict: nothing here changes it."""

from __future__ import annotations

from harness.model.verdict import FindingCode
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.words import count, plural, seconds


def _false_green(given: Given) -> Sentence:
    image = f" ({given.text('image')})" if given.has("image") else ""
    return Sentence(
        "A false green: nothing was lost although no preStop holds SIGTERM back. "
        f"The old pods{image} ignore SIGTERM and served until SIGKILL at the end of their "
        f"{given.float('grace_s'):.0f} s grace period.",
        "As soon as the application heeds SIGTERM, as it should, this configuration loses requests: "
        "add a preStop sleep (5 s or more behind ingress-nginx, 3 s or more behind Traefik).",
    )


def sender_paused(given: Given, since: str = "the change began") -> Sentence:
    """For how long, and when, counted from ``since``."""
    times = given.int("count")
    more = f" It paused {count(times)} times for more than {count(given.float('limit_ms'))} ms." if times > 1 else ""
    return Sentence(
        f"For {count(given.float('pause_ms'))} ms, {seconds(given.float('at_s'))} after {since}, nothing was "
        f"sent although it was due: an outage within that time would not have been seen.{more}",
        "Run fewer cells side by side (--parallel), or use a quieter machine.",
    )


def _cut_of(given: Given, rst: str) -> str:
    """How many were cut of those that there were; the client opens new ones, which a repetition cuts again."""
    cut, pooled, times = given.int("cut"), given.int("pooled"), given.int("times")
    if cut <= pooled:
        were = plural(cut, "kept-alive connection was", "kept-alive connections were")
        return f"{were} cut{rst}, of {count(pooled)} that were open when the change began."
    by = f"by {count(times)} changes" if times > 1 else "by the change"
    return (
        f"Kept-alive connections were cut {count(cut)} times{rst} {by}: the client had {count(pooled)} of them open "
        "when it began, and opened new ones, which were cut again."
    )


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
        f"{_cut_of(given, rst)} {cost}",
        "A client that does not look before it reuses loses one request per connection. Where a change of the Service "
        "can do what an edit of the Ingress does, nothing is cut.",
    )


def _pool_not_filled(given: Given) -> Sentence:
    return Sentence(
        f"When the change began, {count(given.int('pooled'))} of {plural(given.int('size'), 'pooled connection')} were "
        "open: what it does to kept-alive connections shows less than it could.",
        "Lengthen the baseline, raise the rate, or make the pool smaller.",
    )


def _rollout_stuck(given: Given) -> Sentence:
    return Sentence(
        f"The rollout got stuck, as it was meant to, and was called failed at its deadline of "
        f"{seconds(given.float('deadline_s'))}. progressDeadlineSeconds loses nothing: the old pods go on serving.",
    )


def _prestop_failed(given: Given) -> Sentence:
    return Sentence(
        f"The preStop hook of {plural(given.int('count'), 'pod')} failed, so SIGTERM came at once: "
        f"{given.text('message').rstrip('.') or 'no message'}.",
        "An exec hook needs its program in the image. Use the native preStop.sleep, which needs none.",
    )


def _nothing_reused(given: Given) -> Sentence:
    return Sentence(
        f"None of the {plural(given.int('ok'), 'request')} that were to reuse a connection did, although all were "
        "answered: nothing is known of kept-alive connections.",
        "The server closes every connection, or there were fewer requests than connections: watch for longer, or leave "
        "them out with --connections new.",
    )


def _clocks_compared(given: Given) -> Sentence:
    return Sentence(
        f"{plural(given.int('workers'), 'worker')} sent from other machines; the times of their requests are right to "
        f"{given.float('error_ms'):g} ms.",
    )


#: The sentence of each finding.
SENTENCES: dict[FindingCode, Teller] = {
    FindingCode.SENDER_PAUSED: sender_paused,
    FindingCode.FALSE_GREEN: _false_green,
    FindingCode.CONNECTIONS_CUT: _connections_cut,
    FindingCode.POOL_NOT_FILLED: _pool_not_filled,
    FindingCode.ROLLOUT_STUCK: _rollout_stuck,
    FindingCode.PRESTOP_FAILED: _prestop_failed,
    FindingCode.CLOCKS_COMPARED: _clocks_compared,
    FindingCode.NOTHING_REUSED: _nothing_reused,
}
