"""Our functions give the answers of Kubernetes' own, which are recorded for a corpus of several thousand questions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from genuine import ours
from genuine.comparing import Difference, Known, Recorded, differences, judge, read, read_known, write
from genuine.questions import kinds, questions

from harness.kube.admission import names
from harness.localkube.controllers import rollout

#: Share of the questions whose answers must be the same in every fact.
AGREE = 0.95


@pytest.fixture(scope="module")
def recorded() -> list[Recorded]:
    """The questions with the answers of Kubernetes' functions."""
    return read()[1]


@pytest.fixture(scope="module")
def found(recorded: list[Recorded]) -> list[Difference]:
    """Every difference."""
    return compare(recorded)


def compare(rows: list[Recorded]) -> list[Difference]:
    """Return every difference of the embedded cluster's functions."""
    return [
        each
        for number, row in enumerate(rows)
        for each in differences(number, row.asked, row.answer, ours.answer(row.asked))
    ]


def test_differences_are_the_known_ones(found: list[Difference]) -> None:
    """Every difference has a row with its reason, and every row its difference."""
    new, gone = judge(found, read_known())

    assert [str(each) for each in new] == []
    assert [row.what.pattern for row in gone] == []


def test_most_answers_are_the_same(recorded: list[Recorded], found: list[Difference]) -> None:
    """At least 95 of 100 questions have the same answer in every fact."""
    assert len(recorded) >= 5000
    assert 1 - len({each.number for each in found}) / len(recorded) >= AGREE


@pytest.mark.parametrize("what", ["bounds", "rollout", "scale", "victims", "slices", "selector"])
def test_controllers_compute_as_kubernetes_does(what: str, recorded: list[Recorded], found: list[Difference]) -> None:
    """The functions that decide which pods exist and get requests agree in every case."""
    assert sum(row.asked["what"] == what for row in recorded) >= 100
    assert [str(each) for each in found if each.what == what] == []


@pytest.mark.parametrize(
    ("what", "changed", "wrong"),
    [
        ("bounds", (rollout, "_resolve"), lambda value, of, *, up: value if isinstance(value, int) else of),
        ("admit", (names, "port"), lambda field, value: iter(())),
        ("scale", (ours, "proportion"), lambda bounds, one, left: left),
        ("victims", (ours, "deletion_order"), lambda pods, now: pods),
        ("slices", (ours, "slices_of"), lambda service, pods: []),
        ("quantity", (ours, "canonical"), str),
    ],
)
def test_changed_function_is_found(
    what: str, changed: tuple[Any, str], wrong: Any, recorded: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that rounds, sorts or checks in another way has differences that no row explains."""
    rows = [row for row in recorded if row.asked["what"] == what][:600]
    monkeypatch.setattr(*changed, wrong)
    known = [row for row in read_known() if row.what.pattern != "quantity"]

    assert judge(compare(rows), known)[0] != []


def test_recording_says_where_it_is_from() -> None:
    """The version of Kubernetes and the date are in the recording."""
    header, _ = read()

    assert header["source"].startswith("functions of Kubernetes v1.")
    assert len(header["recorded"]) == len("2026-01-01")


def test_questions_are_the_recorded_ones(recorded: list[Recorded]) -> None:
    """The same seed makes the same questions; those about objects that are refused anyway are not recorded."""
    asked = questions()
    kept = [row.asked for row in recorded]

    assert [each for each in asked if each in kept[:200]][:200] == kept[:200]
    assert set(Counter(kinds(kept))) == set(Counter(kinds(asked)))


def test_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A question and its answer come back."""
    path = tmp_path / "recorded.jsonl.xz"
    row = Recorded({"what": "quantity", "text": "1"}, {"canonical": "1"})
    write(path, {"source": "x"}, [row])

    assert read(path) == ({"source": "x"}, [row])


REFUSED = {"causes": [{"field": "spec.ports[0].port", "reason": "FieldValueInvalid", "message": "Invalid value: 0"}]}
STORED = {"object": {"kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}}


@pytest.mark.parametrize(
    ("one", "other", "whats"),
    [
        (REFUSED, REFUSED, []),
        (STORED, {**STORED, "warnings": ["x"]}, ["warnings"]),
        (REFUSED, STORED, ["outcome causes not object FieldValueInvalid spec.ports[].port"]),
        (STORED, {"undecodable": "x"}, ["outcome object not undecodable"]),
        (REFUSED, {"causes": []}, ["not refused FieldValueInvalid spec.ports[].port"]),
        ({"causes": []}, REFUSED, ["refused FieldValueInvalid spec.ports[].port"]),
        (
            REFUSED,
            {"causes": [{**REFUSED["causes"][0], "message": "y"}]},
            ["message FieldValueInvalid spec.ports[].port"],
        ),
        (STORED, {"object": {**STORED["object"], "spec": {"ports": [{"port": 81}]}}}, ["object spec.ports[].port"]),
        (STORED, {"object": {**STORED["object"], "spec": {"ports": [{"port": True}]}}}, ["object spec.ports[].port"]),
    ],
)
def test_comparer_finds_differences(one: Any, other: Any, whats: list[str]) -> None:
    """Each fact that differs is found, with its place."""
    asked = {"what": "admit", "object": {"kind": "Service"}}

    assert [each.what.removeprefix("admit Service: ") for each in differences(0, asked, one, other)] == whats


def test_new_and_gone_differences_are_separate() -> None:
    """A difference without a row is new, and a row without a difference is gone."""
    one, other = Difference(0, "bounds", 1, 2), Difference(1, "patch", 1, 2)
    rows = [Known(read_known()[0].what, "why")]

    assert judge([one, other], rows) == ([one, other], rows)
