"""``bench.fidelity`` reads trials, compares them and finds missing ones correctly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import fidelity
from bench.fidelity_cells import CellFacts, Likeness, Transition, alike, is_calm, transitions
from bench.fidelity_delays import delays_of, quantiles
from bench.fidelity_pods import Failure, PodPlan, plan_of, read_failures
from bench.fidelity_state import counts, next_folder
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Mark, Verdict, Window

SECOND = 1_000_000_000
PLANS = {"apple": PodPlan(probe_delay=0, hook=0)}


def at(seconds: float, part: EventKind, subject: str, what: str, **detail: Any) -> Event:
    """Return an event."""
    exact = int(detail.pop("exact_ns", 0))
    return Event(round(seconds * SECOND), part, subject, what, detail, exact)


def pod(seconds: float, name: str, what: str, **detail: Any) -> Event:
    """Return an event of a pod ``apple``, whose name defines its address and template."""
    return at(seconds, EventKind.POD, name, what, app="apple", ip=f"10.0.0.{name[-1]}", hash=name, **detail)


def endpoints(seconds: float, *, ready: str = "", unready: str = "", terminating: str = "") -> Event:
    """Return an event with new endpoints of the only Service."""
    told = {"ready": ready, "unready": unready, "terminating": terminating}
    return at(seconds, EventKind.ENDPOINTS, "apple-service", "changed", **told)


ROLLOUT = [
    endpoints(0, ready="10.0.0.1:80"),
    at(1.1, EventKind.CHANGE, "update", "applied", kind="rolling-update", begun=SECOND, fields="/spec"),
    pod(1.2, "new-2", "created"),
    endpoints(2.0, ready="10.0.0.1:80", unready="10.0.0.2:80"),
    pod(2.1, "new-2", "ready"),
    endpoints(2.15, ready="10.0.0.1:80,10.0.0.2:80"),
    pod(2.2, "old-1", "terminating", grace=30),
    endpoints(2.25, ready="10.0.0.2:80", terminating="10.0.0.1:80"),
    pod(2.6, "old-1", "unready"),
    pod(3.1, "old-1", "gone"),
    at(5.4, EventKind.INGRESS, "ingress-nginx", "endpoints"),
]


def rounded(found: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """Round to microseconds."""
    return {name: [round(value, 6) for value in values] for name, values in found.items()}


def test_every_step_of_a_rollout_is_timed() -> None:
    """Each step lasts from its first event to the first event that ends it."""
    failures = [Failure(2 * SECOND, "10.0.0.1"), Failure(round(2.24 * SECOND), "10.0.0.1")]

    found = rounded(delays_of(ROLLOUT, PLANS, failures))

    assert found == {
        "pod created -> ready": [0.9],
        "pod marked, no preStop -> container stopped": [0.4],
        "container stopped -> object gone": [0.5],
        "pod marked, no preStop -> first connection refused": [0.04],
        "pod created -> in the endpoints, not ready": [0.8],
        "pod in the endpoints, not ready -> ready": [0.1],
        "pod ready -> in the endpoints": [0.05],
        "new pod ready -> old pod marked": [0.1],
        "pod marked -> terminating in the endpoints": [0.05],
        "ready endpoints changed -> ingress has them": [3.25, 3.15],
        "API write -> answered": [0.1],
        "Deployment written -> pod created": [0.2],
    }


def test_times_of_whole_seconds_are_left_out() -> None:
    """An inexact event begins and ends no step."""
    events = [pod(1, "a-1", "created", exact_ns=SECOND), pod(2, "a-1", "ready")]

    assert "pod created -> ready" not in delays_of(events, PLANS)


def test_waiting_times_of_the_manifest_are_subtracted() -> None:
    """The probe's initial delay and the preStop are the user's, not the cluster's."""
    events = [
        pod(1, "a-1", "created"),
        pod(17, "a-1", "ready"),
        pod(20, "a-1", "terminating"),
        pod(30.5, "a-1", "unready"),
    ]

    found = rounded(delays_of(events, {"apple": PodPlan(probe_delay=15, hook=10)}))

    assert found["pod created -> ready, the probe's initial 15 s less"] == [1]
    assert found["end of a preStop of 10 s -> container stopped"] == [0.5]


def test_a_pod_that_was_unready_before_it_was_marked_has_not_stopped_then() -> None:
    """A failed probe is not the container's end."""
    events = [pod(1, "a-1", "unready"), pod(2, "a-1", "terminating"), pod(2.4, "a-1", "unready")]

    assert rounded(delays_of(events, PLANS))["pod marked, no preStop -> container stopped"] == [0.4]


def test_a_selector_reaches_the_ingress_after_its_endpoints() -> None:
    """A sync before the change of endpoints is for the Service itself."""
    events = [
        at(1.02, EventKind.CHANGE, "patch", "applied", kind="selector-patch", begun=SECOND, fields="/spec/selector"),
        at(1.03, EventKind.INGRESS, "ingress-nginx", "endpoints"),
        endpoints(1.05, ready="10.0.0.9:80"),
        at(4.4, EventKind.INGRESS, "ingress-nginx", "endpoints"),
    ]

    found = rounded(delays_of(events))

    assert found["selector written -> endpoints"] == [0.05]
    assert found["selector written -> ingress has the endpoints"] == [3.4]


def test_quantiles_are_values_that_were_measured() -> None:
    """Minimum, median and maximum do not depend on the order."""
    assert quantiles([3, 1, 2, 5, 4], (0, 0.5, 1)) == [1, 3, 5]


@pytest.mark.parametrize(
    ("container", "plan"),
    [
        ({}, PodPlan(None, 0)),
        ({"readinessProbe": {"initialDelaySeconds": 15}}, PodPlan(15, 0)),
        ({"readinessProbe": {}, "lifecycle": {"preStop": {"sleep": {"seconds": 6}}}}, PodPlan(0, 6)),
        ({"lifecycle": {"preStop": {"exec": {"command": ["sleep", "6"]}}}}, PodPlan(None, None)),
    ],
)
def test_a_pods_waiting_times_come_from_its_manifest(container: dict[str, Any], plan: PodPlan) -> None:
    """No probe, no hook, and hooks of unknown length are distinguished."""
    assert plan_of({"containers": [container]}) == plan


def test_only_upstreams_that_did_not_answer_are_failures(tmp_path: Path) -> None:
    """Nginx's own 503 and a pod's answer are none. Each try of a request counts, with the trial's clock."""
    (tmp_path / "outcome.json").write_text(json.dumps({"clock": {"monotonic_anchor_ns": 5, "wall_anchor_ns": SECOND}}))
    lines = [
        {"time": 3.0, "upstream_addr": "10.0.0.1:80, 10.0.0.2:80", "upstream_status": "502, 200"},
        {"time": 2.0, "upstream_addr": "", "upstream_status": ""},
        {"time": 1.5, "upstream_addr": "10.0.0.3:80", "upstream_status": "504"},
    ]
    (tmp_path / "access.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert read_failures(tmp_path) == [Failure(SECOND // 2 + 5, "10.0.0.3"), Failure(2 * SECOND + 5, "10.0.0.1")]


def trial(losing: list[Window], marks: list[tuple[float, str]], **more: Any) -> Any:
    """Return the needed parts of a judged trial."""
    told = tuple(Mark(when, "change", "c", what) for when, what in marks)
    findings = tuple(SimpleNamespace(code=code) for code in more.get("codes", ()))
    verdict, lost = Verdict(more.get("verdict", "lossy")), more.get("lost", {"status": 1})
    return SimpleNamespace(
        marks=told, losing=tuple(losing), verdict=verdict, findings=findings, identity=SimpleNamespace(lost=lost)
    )


def test_a_loss_belongs_to_the_transition_before_it() -> None:
    """So does a loss while the API server answers. Two windows of one transition are merged."""
    losing = [Window(9.95, 10.2, "3"), Window(11, 12, "4"), Window(21, 22, "5")]

    found = transitions(trial(losing, [(10, "applied"), (15, "applied"), (20, "undone")]))

    assert [each.lost for each in found] == [7, 0, 5]
    assert [(round(each.start or 0, 3), round(each.length or 0, 3)) for each in found] == [
        (-0.05, 2.05),
        (0, 0),
        (1, 1),
    ]


def test_a_window_that_goes_on_is_cut_where_the_next_transition_begins() -> None:
    """Each part gets its proportion of the losses, and none is dropped."""
    found = transitions(trial([Window(10.5, 14.5, "41")], [(10, "applied"), (12.5, "applied")]))

    assert [(each.lost, each.start, each.length) for each in found] == [(20, 0.5, 2), (21, 0, 2)]


def test_disturbed_trials_are_left_out_where_there_are_others() -> None:
    """They are counted. If there are no others, they are used."""
    calm = trial([], [(1, "applied")], verdict="lossless", lost={})
    starved = trial([Window(1, 2, "9")], [(1, "applied")], codes=["behind-schedule"])

    both, alone = CellFacts.of([calm, starved]), CellFacts.of([starved])

    assert (both.verdict, both.aside, both.classes) == ("lossless", 1, {})
    assert (alone.verdict, alone.aside) == ("lossy", 0)
    assert not is_calm(["requests-lost", "machine-saturated"])


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [(3, 5.9, True), (3, 6.1, False), (0.1, 1.0, True), (-0.2, 1.5, False), (None, 2, None)],
)
def test_times_are_alike_within_a_factor_or_a_second(
    one: float | None, other: float | None, answer: bool | None
) -> None:
    """The order of the two times does not matter."""
    assert (alike(one, other), alike(other, one)) == (answer, answer)


def facts(verdict: str, classes: dict[str, int], *, start: float = 1, length: float = 1) -> CellFacts:
    """Return the summary of one trial with one transition."""
    lost = sum(classes.values())
    return CellFacts({verdict: 1}, (Transition(lost, start, length) if lost else Transition(0),), classes)


def test_failures_to_connect_are_one_class_and_rare_classes_none() -> None:
    """Refused and reset are the same class. A class with few losses does not count."""
    same = Likeness.of(facts("lossy", {"refused": 9, "status": 90}), facts("lossy", {"reset": 1, "status": 90}))
    other = Likeness.of(facts("lossy", {"status": 50}), facts("lossy", {"status": 50, "timeout-response": 450}))

    assert same.classes is True
    assert other == Likeness(verdict=True, start=True, length=True, classes=False)


def test_a_cell_that_could_not_be_judged_is_not_compared() -> None:
    """Unknown is neither alike nor different."""
    assert Likeness.of(CellFacts({}), facts("lossless", {})) == Likeness(None)
    assert Likeness.of(facts("lossless", {}), facts("lossy", {"status": 1})) == Likeness(verdict=False)


def part(state: Path, number: str, *trials: tuple[str, str, list[str]]) -> Path:
    """Return a finished part of exercise-2 on kind: (cell, verdict, codes of findings)."""
    folder = state / "kind" / "exercise-2" / number
    folder.mkdir(parents=True)
    cells = [
        {"id": cell, "trials": [{"verdict": verdict, "findings": [{"code": code} for code in codes]}]}
        for cell, verdict, codes in trials
    ]
    (folder / "verdict.json").write_text(json.dumps({"cells": cells}))
    (folder / "end.json").write_text("{}")
    return folder


def test_parts_add_up_and_useless_trials_are_repeated(tmp_path: Path) -> None:
    """Inconclusive and disturbed trials do not count, nor does an unfinished part."""
    part(tmp_path, "1", ("a", "lossy", ["requests-lost"]), ("b", "inconclusive", []))
    part(tmp_path, "2", ("a", "lossy", ["behind-schedule"]), ("b", "lossless", []))
    (part(tmp_path, "4", ("a", "lossy", [])) / "end.json").unlink()

    assert counts(tmp_path, "kind", "exercise-2") == {"a": 1, "b": 1}
    assert next_folder(tmp_path, "kind", "exercise-2").name == "3"


def test_only_configurations_with_a_missing_cell_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On kind, each has its own run. A complete Experiment starts nothing."""
    cells = [f"default--{change}" for change in ("none", "selector-patch", "ingress-edit", "ingress-annotation")]
    started: list[list[str]] = []

    def run(argv: list[str]) -> int:
        started.append(argv)
        part(tmp_path, str(len(started) + 1), *((cell, "lossless", []) for cell in cells))
        return 0

    part(tmp_path, "1", *((cell, "lossless", []) for cell in cells[:-1]))
    monkeypatch.setattr(fidelity, "run_harness", run)
    argv = ["--state", str(tmp_path), "measure", "--cluster", "kind", "--experiment", "exercise-2", "--part", "1"]

    assert [fidelity.main(argv), fidelity.main(argv)] == [0, 0]
    assert [words[words.index("--only") + 1] for words in started] == ["configuration=default"]
