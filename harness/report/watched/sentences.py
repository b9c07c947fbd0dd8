"""A watch in English: its answer, what it rests on, what it found, and what it could not have seen."""

from __future__ import annotations

from collections.abc import Mapping

from harness.findings.finding_type import Sentence
from harness.findings.registry import explain, weight_of
from harness.model.verdict import Verdict, Weight
from harness.model.watch import OriginVerdict, Outage, WatchVerdict
from harness.wording import count, duration, instant, plural, share

#: In which order findings are told.
_ORDER = {Weight.INSTRUMENT: 0, Weight.LOSS: 1, Weight.EVIDENCE: 2, Weight.NOTE: 3}


def answer(watch: WatchVerdict) -> str:
    """Was a request lost? In one sentence."""
    lost, sent = watch.identity.lost_total, watch.identity.sent
    if not sent:
        return "No answer: nothing was sent."
    if watch.verdict is Verdict.INCONCLUSIVE:
        known = (
            f"{count(lost)} of {plural(sent, 'request')} lost" if lost else f"none of {plural(sent, 'request')} lost"
        )
        return f"No answer: {known}, but that can't be relied on."
    if watch.verdict is Verdict.LOSSLESS:
        return f"None of {plural(sent, 'request')} was lost."
    are = "was" if lost == 1 else "were"
    return f"{count(lost)} of {plural(sent, 'request')} ({share(lost, sent)}) {are} lost, {_in_outages(watch)}."


def totals(watch: WatchVerdict) -> str:
    """What the answer rests on; empty if there was nothing."""
    if not watch.identity.sent:
        return ""
    end = ", ended by hand" if watch.interrupted else ""
    return f"{watch.rate:,.1f} requests/s for {duration(watch.seconds)}{end}, each tried exactly once."


def reasons(origin: OriginVerdict) -> tuple[tuple[Weight, Sentence], ...]:
    """Everything that was found at an origin, what decides first."""
    findings = sorted(origin.trial.findings, key=lambda finding: _ORDER[weight_of(finding)])
    return tuple((weight_of(finding), explain(finding, watched=True)) for finding in findings)


def sight(origin: OriginVerdict) -> str:
    """What may have gone unseen; empty where nothing was looked at."""
    if not origin.trial.identity.sent:
        return ""
    one = length(origin.shortest_seen)
    if len(origin.trial.streams) <= 1:
        return f"An outage shorter than {one} may have gone unseen."
    return (
        f"An outage shorter than {one} may have gone unseen; one that hits a single stream alone, up to "
        f"{length(origin.shortest_seen_by_stream)}."
    )


def longest_outages(origin: OriginVerdict, most: int) -> list[Outage]:
    """The longest ones, in the order in which they began."""
    chosen = sorted(origin.outages, key=lambda outage: -outage.seconds)[:most]
    return sorted(chosen, key=lambda outage: outage.start)


def more_outages(origin: OriginVerdict, shown: int) -> str:
    """That a list of outages is not all of them; empty if it is."""
    more = origin.outages_total - shown
    return f"These are the longest; {count(more)} more were shorter." if more else ""


def length(seconds: float) -> str:
    """A length in the unit that suits it: ``2.4 ms``, ``120 ms``, ``4.20 s``, ``3 min 20 s``."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 120 else duration(seconds)


def began(origin: OriginVerdict, outage: Outage) -> str:
    """When an outage began: on the wall's clock where that is known."""
    if origin.wall_origin_ns:
        return instant(origin.wall_origin_ns + round(outage.start * 1e9))
    return f"{outage.start:.3f} s"


def classes(counts: Mapping[str, int]) -> str:
    """``refused 30, closed 7``."""
    return ", ".join(f"{label} {count(n)}" for label, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _in_outages(watch: WatchVerdict) -> str:
    outages = [outage for origin in watch.origins for outage in origin.outages]
    total = sum(origin.outages_total for origin in watch.origins)
    longest = length(max((outage.seconds for outage in outages), default=0.0))
    still = "" if all(outage.is_over for outage in outages) else "; it was not over at the end"
    if total == 1:
        return f"in an outage of {longest}{still}"
    return f"in {plural(total, 'outage')}, the longest of {longest}{still.replace('it was', 'one was')}"
