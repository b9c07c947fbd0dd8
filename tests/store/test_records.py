"""Tests of records to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import EvidenceError
from harness.findings.losses import RequestsLost
from harness.model.attempt import Method, Outcome
from harness.model.changes import CHANGE_KINDS, ChangeSpec, NoChange, RollingUpdate, SelectorPatch
from harness.model.experiment import Cell, Configuration, Expectation, ExpectedVerdict, Experiment, Route, TrafficPlan
from harness.model.shapes import Shape
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Finding
from harness.store.records import dump, from_json, to_json


@dataclass(frozen=True, slots=True)
class Everything:
    """A record with a field of each possible form."""

    path: Path
    outcome: Outcome
    pairs: tuple[tuple[str, int], ...]
    counts: Mapping[Outcome, tuple[int, float]]
    mode: Literal["fast", "slow"]
    maybe: Route | None = None
    mixed: str | int | float | bool = 0
    free: Mapping[str, Any] = field(default_factory=dict)


def everything(**more: Any) -> Everything:
    """Return a record that uses every form."""
    given_: dict[str, Any] = {"maybe": Route("/apple", ("apple*",)), "free": {"a": [1, {"b": None}]}} | more
    return Everything(Path("a/b"), Outcome.TIMEOUT_CONNECT, (("x", 1),), {Outcome.OK: (1, 2.0)}, "slow", **given_)


def written_and_read(record: Any) -> Any:
    """Return the record after it was written to bytes and read again."""
    return from_json(type(record), json.loads(dump(record)))


def test_every_form_survives() -> None:
    """Paths, enums, nested tuples, mappings with enum keys, optional records and free data are equal afterwards."""
    assert written_and_read(everything()) == everything()
    assert written_and_read(everything(maybe=None)) == everything(maybe=None)


@given(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()))
def test_members_of_a_union_keep_their_type(value: str | float | bool) -> None:
    """``1``, ``1.0``, ``True`` and ``"1"`` keep their types."""
    back = written_and_read(everything(mixed=value))

    assert (type(back.mixed), back.mixed) == (type(value), value)


def test_numbered_enums_are_written_as_names() -> None:
    """A file can be read without the code."""
    assert to_json(everything())["outcome"] == "timeout-connect"
    assert to_json(everything())["counts"] == {"ok": [1, 2.0]}


def test_a_whole_experiment_survives() -> None:
    """Each of its changes keeps its class."""
    changes: tuple[ChangeSpec, ...] = (
        NoChange(name="none", hold=1),
        RollingUpdate(name="roll", times=3, deployment="apple", set={"args": ["-text=v{time}"]}, answer="v*"),
        SelectorPatch(name="patch", service="s", selector={"version": "banana"}, answers={"/apple": ("banana",)}),
    )
    configuration = Configuration((("lifecycle", "bare"),), ({"kind": "Service", "spec": {"ports": [{"port": 80}]}},))
    cells = tuple(Cell(configuration, change, Expectation(ExpectedVerdict.ANY, ("status",))) for change in changes)
    traffic = TrafficPlan(200.0, (Route("/apple"),), (Method.GET, Method.POST), (Shape.NEW,))
    experiment = Experiment("demo", "demo.yaml", ("demo.yaml",), "ingress-nginx", traffic, cells)
    back = written_and_read(experiment)

    assert back == experiment
    assert [type(cell.change) for cell in back.cells] == [type(change) for change in changes]
    assert set(CHANGE_KINDS) > {to_json(change)["kind"] for change in changes}


def test_the_same_record_gives_the_same_bytes() -> None:
    """Keys are sorted, whatever the order of a mapping, and a file ends with a newline."""
    one = Finding(RequestsLost.code, {"lost": 3, "share": 0.1})
    other = Finding(RequestsLost.code, {"share": 0.1, "lost": 3})

    assert dump(one) == dump(other)
    assert dump(one).endswith(b"}\n")


def test_an_event_survives() -> None:
    """An event of the timeline keeps its kind and detail."""
    event = Event(5, EventKind.POD, "apple-1", "ready", {"ip": "127.20.1.1", "n": 1, "exact": True}, 20)

    assert written_and_read(event) == event


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcome": "lost"}, r"Everything\.outcome: expected one of unfinished, ok"),
        ({"pairs": [["x"]]}, r"Everything\.pairs\[0\]: expected a list of 2"),
        ({"counts": {"ok": [1, "2"]}}, r"Everything\.counts\.ok\[1\]: expected float, found '2'"),
        ({"mode": "medium"}, "expected one of fast, slow"),
        ({"maybe": {"path": 1}}, r"Everything\.maybe"),
        ({"later": 1}, "has no field 'later'; was it written by a newer version"),
        ({"path": None}, r"Everything\.path: expected Path"),
    ],
)
def test_damage_is_named_with_its_place(change: dict[str, Any], message: str) -> None:
    """Data that does not fit is an EvidenceError with its place and the expected form."""
    with pytest.raises(EvidenceError, match=message):
        from_json(Everything, to_json(everything()) | change)


def test_a_missing_field_and_an_unknown_change_are_named() -> None:
    """A field without a default must exist, and a change must be of a known kind."""
    with pytest.raises(EvidenceError, match="lacks its field 'at'"):
        from_json(Event, {"kind": "pod", "subject": "x", "what": "y"})
    with pytest.raises(EvidenceError, match="expected one of none, rolling-update"):
        from_json(ChangeSpec, {"kind": "explode", "name": "x"})


@pytest.mark.parametrize(
    ("value", "error"), [({"x": {1, 2}}, TypeError), ({1: 2}, TypeError), (float("nan"), ValueError)]
)
def test_values_that_json_cannot_express_are_refused(value: Any, error: type[Exception]) -> None:
    """Sets, keys that are no text and infinite numbers never get into a file."""
    with pytest.raises(error):
        dump(value)
