"""The embedded API server gives a real server's answers to a corpus of small requests."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from differential.api_answers import Answer, Api, answers, reduced
from differential.api_cases import ROOT, ApiCase, load
from differential.api_compare import differences, read
from differential.known import Known, judge, read_known
from differential.paths import DROP, assign, changes

from harness.localkube.api.server import serve_at

RECORDING = ROOT / "recorded" / "api.jsonl"
#: Share of the cases whose answer must be the same in code, reason, causes and object.
AGREE = 0.95


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """The answers of the embedded API server."""

    async def ask() -> dict[str, Answer]:
        logs = tmp_path_factory.mktemp("logs")
        async with serve_at("127.0.0.1", logs) as url, aiohttp.ClientSession() as session:
            return await answers(Api(session, url), load(), "ours")

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def real() -> dict[str, Answer]:
    """The recorded answers of a real API server."""
    return read(RECORDING)[1]


@pytest.fixture(scope="module")
def known() -> list[Known]:
    """The table of known differences."""
    return read_known(ROOT / "known-api.yaml")


def test_differences_are_the_known_ones(ours: dict[str, Answer], real: dict[str, Answer], known: list[Known]) -> None:
    """Every difference has a row with its reason, and every row its difference."""
    new, gone = judge(differences(real, ours), known, {*real, *ours})

    assert [str(each) for each in new] == []
    assert [(row.case, row.fact) for row in gone] == []


def test_most_answers_agree(ours: dict[str, Answer], real: dict[str, Answer]) -> None:
    """At least 95 of 100 cases have the same code, reason, causes and object."""
    wrong = {each.case for each in differences(real, ours) if each.fact in {"code", "reason", "causes", "object"}}

    assert len(real) >= 1000
    assert 1 - len(wrong) / len(real) >= AGREE, sorted(wrong)


def test_recording_says_where_it_is_from() -> None:
    """The version of Kubernetes and the date are in the recording."""
    header, _ = read(RECORDING)

    assert header["source"].startswith("Kubernetes v1.")
    assert len(header["recorded"]) == len("2026-01-01")


def test_rows_have_cases_and_reasons(real: dict[str, Answer], known: list[Known]) -> None:
    """A row for a case that does not exist can't be met, so there is none."""
    assert [row.case for row in known if row.case not in real] == []
    assert [row.case for row in known if len(row.reason) < 10] == []
    assert len({(row.case, row.fact) for row in known}) == len(known)


REAL: dict[str, Answer] = {"a": {"code": 422, "reason": "Invalid", "causes": [["FieldValueInvalid", "x"]]}}


@pytest.mark.parametrize(
    ("ours", "facts"),
    [
        (REAL, []),
        ({"a": {**REAL["a"], "reason": "BadRequest"}}, ["reason"]),
        ({"a": {**REAL["a"], "causes": [["FieldValueInvalid", "y"]]}}, ["causes"]),
        ({"a": {"code": 201, "object": {}}}, ["code"]),
        ({}, ["case"]),
        ({**REAL, "b": {"code": 200}}, ["case"]),
        ({"a": {**REAL["a"], "warnings": ['unknown field "z"']}}, ["warnings"]),
        ({"a": {**REAL["a"], "warnings": ["x is not implemented by the embedded cluster: y"]}}, []),
    ],
)
def test_comparer_finds_differences(ours: dict[str, Answer], facts: list[str]) -> None:
    """Each fact that differs is found; a notice of the embedded cluster is none."""
    assert [each.fact for each in differences(REAL, ours)] == facts


def test_objects_differ_by_field() -> None:
    """Of two objects only the fields that differ are shown; ``true`` is not ``1``."""
    one = {"a": {"code": 200, "object": {"x": 1, "y": True}}}
    other = {"a": {"code": 200, "object": {"x": 1, "y": 1}}}
    (found,) = differences(one, other)

    assert (found.fact, found.real, found.ours) == ("object", {"y": True}, {"y": 1})


def test_new_and_gone_differences_are_told_apart() -> None:
    """A difference without a row is new; a row without a difference is gone, unless it depends on timing."""
    found = differences(REAL, {"a": {**REAL["a"], "reason": "Other"}})
    rows = [Known("a", "code", "why"), Known("a", "object", "why", sometimes=True), Known("b", "code", "why")]

    assert [each.fact for each in judge(found, rows, {"a"})[0]] == ["reason"]
    assert judge(found, rows, {"a"})[1] == rows[:1]
    assert judge(found, [Known("a", "reason", "why")], {"a"}) == ([], [])


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("a.b", 1, {"a": {"b": 1}, "l": [{"n": 1}]}),
        ("l[0].n", DROP, {"l": [{}]}),
        ("l[1].n", 2, {"l": [{"n": 1}, {"n": 2}]}),
        ("m[a.b/c]", "x", {"l": [{"n": 1}], "m": {"a.b/c": "x"}}),
        ("l", [], {"l": []}),
    ],
)
def test_paths_change_objects(path: str, value: Any, expected: Any) -> None:
    """A path makes what is missing above it, appends to lists, and takes fields away."""
    obj: Any = {"l": [{"n": 1}]}
    assign(obj, path, value)

    assert obj == expected


def test_answers_are_shown_as_changes() -> None:
    """An answered object is shown by what the server has changed of the sent one."""
    sent = {"metadata": {"name": "a"}, "data": {"x": "1"}}
    case = ApiCase("c", "g", "POST", "/p", {}, body=sent, reference=sent)
    got = {"metadata": {"name": "a", "uid": "1"}, "data": {}, "immutable": True}

    assert reduced(case, 201, [], got, "ns")["object"] == {"data": {}, "data.x": DROP, "immutable": True}
    assert changes({"a": 0}, {"a": False}) == {"a": False}


def test_case_files_are_read() -> None:
    """Every case has a name of its own, and its path names a collection."""
    cases = [case for group in load() for case in group.cases]

    assert len({case.name for case in cases}) == len(cases) >= 1000
    assert [case.name for case in cases if not case.path.startswith("/")] == []
