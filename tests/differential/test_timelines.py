"""The embedded cluster does what a real one did, case by case: order, presence, and time within stated bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from differential.__main__ import TIMELINE_RECORDING
from differential.api_cases import ROOT
from differential.embedded import run
from differential.facts import FactDifference, Facts, compare, read_timelines, reduce
from differential.known import Known, judge, read_known
from differential.measuring import differing, shares
from differential.observing import Entry
from differential.page import PAGE, page
from differential.timeline_cases import CASES

#: How often a case is done while the machine has no time for it, and the share of cases that may be left so.
TRIES, STARVED = 2, 0.2
#: Longest time for a wait, in seconds: twice what the longest takes.
PATIENCE = 45.0
#: Shares of verdicts, facts and durations that must be the same.
VERDICTS, EXACT, DURATIONS = 0.98, 0.95, 0.90


@dataclass(frozen=True)
class Outcome:
    """The result of a comparison.

    Attributes:
        ours: The facts of every case on the embedded cluster.
        found: Every difference.
        new: Differences in order and presence without a row, in each of two runs of their case.
    """

    ours: dict[str, Facts]
    found: list[FactDifference]
    new: list[FactDifference]


@pytest.fixture(scope="module")
def real() -> dict[str, list[Facts]]:
    """The facts of every recording of a real cluster, by case."""
    _, recorded = read_timelines(TIMELINE_RECORDING.read_text())
    return {name: [reduce(timeline) for timeline in timelines] for name, timelines in recorded.items()}


@pytest.fixture(scope="module")
def known() -> list[Known]:
    """The table of known differences."""
    return read_known(ROOT / "known-timelines.yaml")


@pytest.fixture(scope="module")
def outcome(real: dict[str, list[Facts]], known: list[Known]) -> Outcome:
    """Every case on the embedded cluster, compared.

    A real cluster does not do the same twice either, where two things happen at once. So a case with a difference that
    has no row is run a second time, and only what differs both times counts as new.
    """

    def unknown(found: Sequence[FactDifference]) -> list[FactDifference]:
        return judge([each for each in found if not each.is_duration], known, ())[0]

    ran = asyncio.run(run(CASES, tries=TRIES, patience=PATIENCE))
    if len(ran.starved) > len(CASES) * STARVED:
        pytest.skip(f"this machine was too busy to say: pods started slowly in {len(ran.starved)} cases")
    ours = {name: reduce(timeline) for name, timeline in ran.timelines.items()}
    found = differing(CASES, real, ours)
    first = {(each.case, each.fact) for each in unknown(found)}
    again = [case for case in CASES if case.name in {name for name, _ in first}]
    second = asyncio.run(run(again, tries=TRIES, patience=PATIENCE, mark="again"))
    repeated = unknown(differing(CASES, real, {name: reduce(each) for name, each in second.timelines.items()}))
    return Outcome(ours, found, [each for each in repeated if (each.case, each.fact) in first])


@pytest.mark.processes
@pytest.mark.timelines
def test_order_and_presence_differ_as_known(outcome: Outcome, known: list[Known]) -> None:
    """Every difference in order and presence has a row with its reason, and every row its difference."""
    _, gone = judge([each for each in outcome.found if not each.is_duration], known, set(outcome.ours))

    assert [str(each) for each in outcome.new] == []
    assert [(row.case, row.fact) for row in gone] == []


@pytest.mark.processes
@pytest.mark.timelines
def test_most_facts_are_the_same(outcome: Outcome, real: dict[str, list[Facts]], known: list[Known]) -> None:
    """At least 98 of 100 verdicts are the same, 95 of 100 facts of order and presence, and 90 of 100 durations.

    Differences that depend on timing, as their rows say, are left out: real clusters have them among themselves.
    """
    found = shares(CASES, real, outcome.ours, known)
    durations = [str(each) for each in outcome.found if each.is_duration]

    assert (found.verdicts[0] + found.by_chance) / found.verdicts[1] >= VERDICTS, found
    assert found.facts[0] / found.facts[1] >= EXACT, found
    assert found.durations[0] / found.durations[1] >= DURATIONS, "\n".join(durations)


def test_every_case_was_recorded(real: dict[str, list[Facts]]) -> None:
    """Each case has recordings, and each recording a case; the file says where they are from."""
    header, _ = read_timelines(TIMELINE_RECORDING.read_text())

    assert header["source"].startswith("Kubernetes v1.")
    assert {case.name for case in CASES} == set(real)
    assert len({case.name for case in CASES}) == len(CASES)


def test_rows_name_facts_of_cases(real: dict[str, list[Facts]], known: list[Known]) -> None:
    """A row for a case that does not exist can't be met, so there is none; no fact has two rows."""
    assert [row.case for row in known if row.case not in real] == []
    assert len({(row.case, row.fact) for row in known}) == len(known)


MADE: list[Entry] = [
    (0.0, "script", "step 1", "create"),
    (0.1, "pod p", "life", "there"),
    (0.2, "pod p", "Ready", "False ContainersNotReady"),
    (1.0, "pod p", "Ready", "True"),
    (5.0, "script", "step 2", "delete"),
    (6.0, "pod p", "event Normal Killing", "said"),
    (7.0, "pod p", "life", "gone"),
    (12.0, "script", "step 3", "create"),
]


def _with(*entries: Entry, without: str = "") -> Facts:
    kept = [entry for entry in MADE if not (without and without in entry[2] + entry[3])]
    return reduce(sorted([*kept, *entries]))


@pytest.mark.parametrize(
    ("other", "facts"),
    [
        (_with(), []),
        (_with(without="Killing"), ["pod p: event Normal Killing"]),
        (_with((3.0, "pod p", "Ready", "False ContainersNotReady")), ["pod p: Ready"]),
        (_with(without="gone"), ["pod p: life"]),
        (_with((6.5, "service s", "to p", "ready (:1)")), ["service s: to p"]),
        (_with((4.0, "pod p", "event Normal Pulled", "said")), []),
    ],
)
def test_order_and_presence_are_compared(other: Facts, facts: list[str]) -> None:
    """A state too many, one too few and an event that is missing are found; events of chance are left out."""
    assert [each.fact for each in compare("case", [_with()], other, 1.0)] == facts


@pytest.mark.parametrize(("at", "differs"), [(1.5, False), (2.2, False), (2.4, True), (0.3, False)])
def test_durations_have_bounds(at: float, differs: bool) -> None:
    """A duration may differ by its slack and a share of it, counted from the step before."""
    other = _with((at, "pod p", "Ready", "True"), without="True")
    found = compare("case", [_with()], other, 1.0)

    assert [each.fact for each in found] == (["step 1 to pod p Ready True s"] if differs else [])


def test_any_recording_will_do() -> None:
    """Ours may be like any of several recordings that differ; their durations span a range."""
    late = _with((4.0, "pod p", "Ready", "True"), without="True")
    between = _with((2.9, "pod p", "Ready", "True"), without="True")
    silent = _with(without="Killing")

    assert compare("case", [_with(), late], between, 0.1) == []
    assert compare("case", [_with(), silent], silent, 0.1) == []
    assert [each.fact for each in compare("case", [_with()], between, 0.1)] == ["step 1 to pod p Ready True s"]


def test_probes_are_not_in_step() -> None:
    """Requests of two probes may alternate or not; one that comes or stays out after a signal is a difference."""
    ready, live = "GET /ready kube-probe/1.34", "GET /live kube-probe/1.34"

    def said(*states: str) -> Facts:
        entries = [(float(at), "app p", "app", state) for at, state in enumerate(states)]
        return reduce([*entries, (99.0, "pod p", "life", "gone")])

    once = said("start", ready, live, "TERM", ready)

    assert compare("case", [once], said("start", ready, live, ready, live, "TERM", ready), 9.0) == []
    assert [each.fact for each in compare("case", [once], said("start", ready, live, "TERM"), 9.0)] == ["app p: app"]
    assert [each.fact for each in compare("case", [once], said("start", ready, "TERM", ready), 9.0)] == ["app p: app"]


def test_order_of_two_probes_is_chance() -> None:
    """The order of two probes says nothing, unless one of them is the startup probe or one stays out."""
    start, ready, live = (f"GET /{name} kube-probe/1.34" for name in ("start", "ready", "live"))

    def differing(first: Sequence[str], second: Sequence[str]) -> list[str]:
        one, other = (
            reduce([(float(at), "app p", "app", state) for at, state in enumerate(said)]) for said in (first, second)
        )
        return [each.fact for each in compare("case", [one], other, 9.0)]

    assert differing(["open", ready, live, "TERM"], ["open", live, ready, "TERM"]) == []
    assert differing(["open", start, live, ready, "TERM"], ["open", start, ready, live, "TERM"]) == []
    assert differing(["open", start, ready, "TERM"], ["open", ready, start, "TERM"]) == ["app p: app"]
    assert differing(["open", ready, "TERM", live], ["open", live, "TERM", ready]) == ["app p: app"]
    assert differing(["open", ready, live, "TERM"], ["open", ready, "TERM"]) == ["app p: app"]


def test_pods_of_a_set_are_alike() -> None:
    """The sequences of several pods of a ReplicaSet are one fact, whichever comes first."""
    one = [(0.0, "pod d.1/1", "Ready", "True"), (0.0, "pod d.1/2", "Ready", "False x")]
    other = [(0.0, "pod d.1/1", "Ready", "False x"), (0.0, "pod d.1/2", "Ready", "True")]

    assert reduce(one).exact == reduce(other).exact == {"pod d.1/*: Ready": "False x | True"}
    assert compare("case", [reduce(one)], reduce(one[:1]), 1.0) != []


def test_page_is_up_to_date() -> None:
    """The page of differences is what the recordings and tables say."""
    assert PAGE.read_text() == page(), "run: PYTHONPATH=tests/support python -m differential page"
