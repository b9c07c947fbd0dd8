"""Texts of a watch's report: the answer, its numbers, and the shortest outage that it would have detected."""

from __future__ import annotations

from collections.abc import Mapping

from harness.findings.registry import weight_of
from harness.findings.stopping import NotEnded
from harness.model.verdict import Verdict, Weight
from harness.model.watch import OriginVerdict, Outage, WatchVerdict
from harness.wording import count, duration, instant, length, plural, share

#: How a verdict is reached. Asterisks enclose verdicts.
RULES = (
    (
        "An instrument that can't be trusted (calibration not exact, accounting broken, client faults, a watch that "
        "did not finish) makes it *inconclusive*."
    ),
    "Otherwise a single lost request makes it *lossy*, even if evidence is missing.",
    (
        "Otherwise missing evidence (nothing sent, a stream without a single success, missed or unfinished requests, a "
        "sender behind its schedule, a saturated machine) makes it *inconclusive*."
    ),
    (
        "Otherwise it is *lossless*: none of the requests that were sent was lost. A watch has no change and no "
        "control, so it does not say what caused a loss."
    ),
)


def answer(watch: WatchVerdict) -> str:
    """Return in one sentence whether a request was lost."""
    lost, sent = watch.identity.lost_total, watch.identity.sent
    if not sent:
        return "No answer: nothing was sent."
    if watch.verdict is Verdict.INCONCLUSIVE and _is_only_unended(watch):
        return f"No answer yet: none of {plural(sent, 'request')} was lost so far, and the watch is still going on."
    if watch.verdict is Verdict.INCONCLUSIVE:
        known = (
            f"{count(lost)} of {plural(sent, 'request')} lost" if lost else f"none of {plural(sent, 'request')} lost"
        )
        return f"No answer: {known}, but this result is not reliable."
    if watch.verdict is Verdict.LOSSLESS:
        return f"None of {plural(sent, 'request')} was lost."
    are = "was" if lost == 1 else "were"
    return f"{count(lost)} of {plural(sent, 'request')} ({share(lost, sent)}) {are} lost, {_in_outages(watch)}."


def _is_only_unended(watch: WatchVerdict) -> bool:
    """Return True if nothing but the missing end keeps a watch from being lossless."""
    findings = [finding for origin in watch.origins for finding in origin.trial.findings]
    return {finding.code for finding in findings if weight_of(finding) is not Weight.NOTE} == {NotEnded.code}


def totals(watch: WatchVerdict) -> str:
    """Return the rate and duration of the traffic in one sentence; empty if nothing was sent."""
    if not watch.identity.sent:
        return ""
    end = ", ended by hand" if watch.interrupted else ""
    return f"{watch.rate:,.1f} requests/s for {duration(watch.seconds)}{end}, each tried exactly once."


def detection_limit(origin: OriginVerdict) -> str:
    """Return the length of outages that may have gone undetected, in one sentence; empty if nothing was sent."""
    if not origin.trial.identity.sent:
        return ""
    one = length(origin.shortest_seen)
    if len(origin.trial.streams) <= 1:
        return f"An outage shorter than {one} may have gone undetected."
    return (
        f"An outage shorter than {one} may have gone undetected; if it affects only one stream, shorter than "
        f"{length(origin.shortest_seen_by_stream)}."
    )


def not_kept(origin: OriginVerdict) -> str:
    """Return in one sentence what was counted and not kept, and what that means for the numbers; empty if nothing."""
    if not origin.counted:
        return ""
    answers = plural(origin.counted, "right answer")
    return (
        f"{answers} far from any loss {'was' if origin.counted == 1 else 'were'} counted and not kept (--keep-ok): all "
        "counts, outages and maxima are exact, and percentiles of latency at most 0.1 % too high."
    )


def began(origin: OriginVerdict, outage: Outage) -> str:
    """Return the start of an outage by the wall clock, or in seconds if the wall clock is unknown."""
    if origin.wall_origin_ns:
        return instant(origin.wall_origin_ns + round(outage.start * 1e9))
    return f"{outage.start:.3f} s"


def classes(counts: Mapping[str, int]) -> str:
    """Return ``refused 30, closed 7``."""
    return ", ".join(f"{label} {count(n)}" for label, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _in_outages(watch: WatchVerdict) -> str:
    outages = [outage for origin in watch.origins for outage in origin.outages]
    total = sum(origin.outages_total for origin in watch.origins)
    longest = length(max((outage.seconds for outage in outages), default=0.0))
    still = "" if all(outage.is_over for outage in outages) else "; it was not over at the end"
    if total == 1:
        return f"in an outage of {longest}{still}"
    return f"in {plural(total, 'outage')}, the longest of {longest}{still.replace('it was', 'one was')}"
