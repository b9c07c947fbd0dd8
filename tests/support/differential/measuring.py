"""Count how much of what the embedded cluster does is what a real one did: verdicts, facts of order, durations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from differential.api_cases import ROOT
from differential.facts import FactDifference, Facts, compare, counted
from differential.known import Known
from differential.running import Case

#: The last measurement, and the fact that is a case's verdict.
MEASURED = ROOT / "measured.json"
VERDICT = "answers: verdict"


@dataclass(frozen=True)
class Shares:
    """Counts of a group of cases: how many are the same, and of how many.

    Attributes:
        cases: Cases that ran.
        verdicts: Verdicts, of the cases that send requests.
        facts: Facts of order and presence; differences that depend on timing, as their rows say, are left out.
        durations: Durations within their bounds.
        by_chance: Verdicts that are not the same, and depend on timing, as their rows say.
    """

    cases: int
    verdicts: tuple[int, int]
    facts: tuple[int, int]
    durations: tuple[int, int]
    by_chance: int = 0


def differing(
    cases: Iterable[Case], real: Mapping[str, Sequence[Facts]], ours: Mapping[str, Facts]
) -> list[FactDifference]:
    """Compare the cases that ran with their recordings."""
    return [
        each
        for case in cases
        if case.name in ours
        for each in compare(case.name, real[case.name], ours[case.name], case.slack)
    ]


def shares(
    cases: Iterable[Case], real: Mapping[str, Sequence[Facts]], ours: Mapping[str, Facts], known: Sequence[Known]
) -> Shares:
    """Count what is the same in the cases that ran."""
    mine = [case for case in cases if case.name in ours]
    by_chance = {(row.case, row.fact) for row in known if row.sometimes}
    found = differing(mine, real, ours)
    counts = [counted(real[case.name], ours[case.name]) for case in mine]
    facts, durations = sum(exact for exact, _ in counts), sum(timed for _, timed in counts)
    with_verdict = [case.name for case in mine if any(VERDICT in each.exact for each in real[case.name])]
    other = {each.case for each in found if each.fact == VERDICT}
    differ = sum(not each.is_duration and (each.case, each.fact) not in by_chance for each in found)
    late = sum(each.is_duration for each in found)
    verdicts = (len(with_verdict) - len(other & set(with_verdict)), len(with_verdict))
    chance = len({case for case, fact in by_chance if fact == VERDICT} & other)
    return Shares(len(mine), verdicts, (facts - differ, facts), (durations - late, durations), chance)


def write(groups: Mapping[str, Shares], date: str, load: float, note: str = "", path: Path = MEASURED) -> None:
    """Write a measurement: its date, how many processes were ready to run at its end, and a sentence about that."""
    content = {
        "date": date,
        "load": round(load),
        "note": note,
        "groups": {name: asdict(each) for name, each in groups.items()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def read(path: Path = MEASURED) -> tuple[str, int, str, dict[str, Shares]]:
    """Return the date, the load and the note of the last measurement, and its shares by group."""
    content = json.loads(path.read_text())

    def pair(listed: list[int]) -> tuple[int, int]:
        same, of = listed
        return same, of

    pairs = {
        name: Shares(
            each["cases"], pair(each["verdicts"]), pair(each["facts"]), pair(each["durations"]), each["by_chance"]
        )
        for name, each in content["groups"].items()
    }
    return content["date"], content["load"], content.get("note", ""), pairs


def total(groups: Iterable[Shares]) -> Shares:
    """Add the counts of groups."""
    listed = list(groups)

    def added(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
        same, of = zip(*pairs, strict=True)
        return sum(same), sum(of)

    return Shares(
        sum(each.cases for each in listed),
        added(each.verdicts for each in listed),
        added(each.facts for each in listed),
        added(each.durations for each in listed),
        sum(each.by_chance for each in listed),
    )
