"""The tables of settings follow the schema: each field, its type, its default, its meaning."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from harness.experiment import schema
from harness.experiment.changes.reading import schema_of
from harness.experiment.changes.schema import ChangeSchema
from harness.experiment.json_schema import experiment_schema
from harness.experiment.schema import (
    ExpectPart,
    ExperimentPart,
    Head,
    HoldPart,
    MatchPart,
    PathPart,
    PoolPart,
    RampPart,
    TlsPart,
    TrafficPart,
)
from harness.experiment.validation import fields_of
from harness.model.changes import CHANGE_KINDS
from harness.model.experiment import Pool, TrafficPlan
from harness.model.shapes import Shape
from harness.reference import settings


def rows(table: str) -> dict[str, list[str]]:
    """Return the cells of each row by the name in the column ``field``."""
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    column = head.index("field")
    return {line[column].strip("`"): line[column + 1 :] for line in lines}


@pytest.mark.parametrize(
    ("table", "part", "prefix"),
    [
        (settings.file, Head, ""),
        (settings.traffic, TrafficPart, ""),
        (settings.traffic, PathPart, "paths[]."),
        (settings.traffic, PoolPart, "pool."),
        (settings.traffic, TlsPart, "tls."),
        (settings.ramp, RampPart, ""),
        (settings.step, HoldPart, ""),
        (settings.match, MatchPart, ""),
    ],
)
def test_a_table_has_each_field_of_its_part(table: object, part: type[ExperimentPart], prefix: str) -> None:
    """Fields of a part inside a part have its path before their names."""
    assert callable(table)

    assert {f"{prefix}{field}" for field in fields_of(part)} <= rows(table()).keys()


def test_the_table_of_expect_continues_the_table_of_exclude() -> None:
    """No field is in both."""
    assert sorted([*rows(settings.match()), *rows(settings.expect())]) == sorted(fields_of(ExpectPart))


@pytest.mark.parametrize("kind", CHANGE_KINDS)
def test_the_table_of_changes_has_each_field_of_a_kind(kind: str) -> None:
    """The fields that all changes have are in a table of their own."""
    lines = [line for line in settings.changes().splitlines() if line.startswith(f"| `{kind}` |")]
    found = {line.split(" | ")[1].strip("`") for line in lines}

    common = set(fields_of(ChangeSchema))
    assert common == set(rows(settings.every_change()))
    assert set(fields_of(schema_of(kind))) - common <= found
    assert not found & common


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("rate", ["rate, ramp or list of steps or ramps", "required"]),
        ("paths[].statuses", ["200 to 599 or list of 200 to 599", "none"]),
        ("connections", [f"list of {', '.join(f'`{shape.word}`' for shape in Shape)}", "`[new, reused]`"]),
        ("pool", ["map", "as below"]),
        ("pool.size", ["1 to 10,000", f"`{Pool().size}`"]),
        ("pool.look", ["`true`, `false`", "`true`"]),
        ("baseline", ["duration", f"`{TrafficPlan.__dataclass_fields__['baseline'].default:g}s`"]),
        ("seed", ["0 or more", "none"]),
    ],
)
def test_a_row_gives_type_and_default_as_a_user_writes_them(field: str, expected: list[str]) -> None:
    """Types in words, durations with their unit."""
    assert rows(settings.traffic())[field][:2] == expected


def test_a_list_of_words_names_each_word_once() -> None:
    """A field that takes one word or a list of them does not list the words twice."""
    kind = rows(settings.expect())["class"][0]

    assert kind.startswith("one or a list of `closed`, ")
    assert kind.count("`closed`") == 1


def test_a_changed_default_changes_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has no default of its own."""

    class Changed(ExperimentPart):
        size: Annotated[int, Field(ge=1)] = Field(default=7, description="a size")

    changed = {**experiment_schema(), "$defs": {"Changed": Changed.model_json_schema()}}
    monkeypatch.setattr(settings, "experiment_schema", lambda: changed)
    monkeypatch.setattr(settings, "TrafficPart", Changed)

    assert rows(settings.traffic()) == {"size": ["1 or more", "`7`", "a size"]}
    assert schema.PoolPart().size == Pool().size
