"""What is asked of a change on an application that others manage as well: was it alone, and was it made at all?"""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.facts import Facts
from harness.analysis.moments import Seconds
from harness.model.events import ChangeEvent, Withheld, of_type, read
from harness.model.timeline import Detail, Event, EventKind
from harness.model.verdict import Finding, FindingCode


def interference(facts: Facts) -> tuple[Finding, ...]:
    """Nobody else altered the objects that the trial is about: what was lost, or was not, would be theirs, too."""
    events = [e for e in facts.evidence.timeline if e.kind is EventKind.TARGET and e.what == "altered"]
    return tuple(_altered(facts, events))


def _altered(facts: Facts, events: list[Event]) -> Iterator[Finding]:
    """A finding for each object and whoever altered it."""
    seconds, begin = Seconds(facts.evidence.origin_ns), facts.moments.begin or 0.0
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        groups.setdefault((str(event.detail["object"]), str(event.detail["who"])), []).append(event)
    for (altered, who), found in groups.items():
        fields = dict.fromkeys(str(event.detail["fields"]) for event in found)
        numbers: Detail = {
            "object": altered,
            "who": who,
            "fields": "; ".join(fields),
            "count": len(found),
            "first_s": round(seconds(found[0].at) - begin, 3),
            "begun": facts.moments.begin is not None,
        }
        yield Finding(FindingCode.INTERFERENCE, numbers)


def change_withheld(facts: Facts) -> tuple[Finding, ...]:
    """The change was not made on purpose, since requests were lost without it."""
    withheld = of_type(read(facts.evidence.timeline), ChangeEvent.WITHHELD, Withheld)
    return tuple(Finding(FindingCode.CHANGE_WITHHELD, {"lost": m.detail.lost or 0}) for m in withheld)[:1]
