"""One table holds every fact about connection shapes, and no other code asks for a shape by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness
from harness.experiment.schema import TrafficPart
from harness.findings.finding_type import TrialFinding
from harness.findings.registry import TYPES
from harness.model.experiment import Route, TrafficPlan, waiting_connections
from harness.model.schedule import streams
from harness.model.shapes import KEPT_SHAPES, SHAPES, ConnectionSource, Shape
from harness.model.verdict import Weight
from harness.traffic.http.pool import POOLS

PACKAGE = Path(harness.__file__).parent
#: The table, and the calibration cases, each of which names the shapes that it is tried with.
MAY_NAME_SHAPES = {"model/shapes.py", "traffic/calibration/cases.py"}
WORDS = {shape.word for shape in Shape}
FIELDS = {facts.field for facts in SHAPES.values()} - {""}


def branches(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that ask for a shape by its name: by member, by word, or by the field of its duration."""
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="Shape"), attr=name) if name.isupper():
                yield node.lineno
            case ast.Subscript(value=ast.Name(id="Shape"), slice=ast.Constant()):
                yield node.lineno
            case ast.Attribute(attr=name) if name in FIELDS and node not in called:
                yield node.lineno
            case ast.Compare() | ast.MatchValue():
                if any(isinstance(each, ast.Constant) and each.value in WORDS for each in ast.walk(node)):
                    yield node.lineno
            case ast.Dict(keys=keys) if sum(isinstance(k, ast.Constant) and k.value in WORDS for k in keys) > 1:
                yield node.lineno


def test_no_other_module_names_a_shape() -> None:
    """A new shape is a row in the table, not a search for every branch."""
    found = {
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).as_posix() not in MAY_NAME_SHAPES
        # Import contracts keep it apart from every shape.
        if path.relative_to(PACKAGE).parts[0] != "localkube"
        for line in branches(ast.parse(path.read_text()))
    }

    assert found == set()


@pytest.mark.parametrize(
    "code",
    [
        "stream.shape is Shape.IDLE",
        "{Shape.NEW: 1}",
        "Shape['IDLE']",
        "plan.idle > 0",
        "shape == 'slow'",
        "match word:\n case 'reused':\n  pass",
        "{'new': 1, 'reused': 2}",
    ],
)
def test_a_branch_on_a_name_is_found(code: str) -> None:
    """Each form of it that the test above must not overlook."""
    assert list(branches(ast.parse(code)))


def test_every_shape_has_a_row() -> None:
    """Ledgers store the numbers, so they never change."""
    assert set(SHAPES) == set(Shape)
    assert {shape.word: int(shape) for shape in Shape} == {"new": 0, "reused": 1, "idle": 2, "slow": 3, "preopened": 4}


@pytest.mark.parametrize("shape", Shape)
def test_a_shape_that_could_show_nothing_has_a_finding_that_guards_it(shape: Shape) -> None:
    """Only a connection that is opened for the attempt, with an answer at once, shows the shape by itself."""
    facts = SHAPES[shape]
    shows_itself = facts.source is ConnectionSource.OWN and facts.duration is None

    assert shows_itself == (not facts.guard)
    if facts.guard:
        finding = TYPES[facts.guard]
        assert issubclass(finding, TrialFinding)
        assert finding.weight is Weight.EVIDENCE


def test_a_finding_guards_one_shape() -> None:
    """The checks rely on it."""
    guards = [facts.guard for facts in SHAPES.values() if facts.guard]

    assert len(guards) == len(set(guards))


@pytest.mark.parametrize("shape", Shape)
def test_the_duration_of_a_shape_is_a_field_of_plans_and_of_files(shape: Shape) -> None:
    """The plan gives it to the shape's streams, as a delay or as a time of waiting, and to no others."""
    facts = SHAPES[shape]
    others = tuple(other for other in Shape if other is not shape)
    seconds = {facts.field: 2.0} if facts.field else {}
    plan = TrafficPlan(rate=10.0, routes=(Route("/"),), shapes=(shape, *others), **seconds)  # type: ignore[arg-type]
    own, *rest = streams(plan)

    assert (own.delay, own.unused_for) == (2.0 * facts.needs_application, 2.0 * facts.waits)
    assert {(stream.delay, stream.unused_for) for stream in rest} == {(0.0, 0.0)}
    assert plan.patience == plan.timeout + own.delay
    assert waiting_connections(plan, shape) == 10.0 / len(Shape) * own.unused_for
    assert not facts.field or facts.field in TrafficPart.model_fields


def test_every_source_but_one_has_a_pool() -> None:
    """Attempts of the other open a connection each."""
    assert set(ConnectionSource) - set(POOLS) == {ConnectionSource.OWN}


def test_kept_connections_come_from_a_pool() -> None:
    """Attempts open the connections of every other source."""
    assert {SHAPES[shape].source for shape in KEPT_SHAPES} <= set(POOLS)
