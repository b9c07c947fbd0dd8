"""Every kind of change has all its parts, and no other code names a kind."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, cast

import pytest
from documentation import documented_role, page

from harness.changes.executors import executor_of
from harness.clusters.context.rules import reaches_beyond
from harness.experiment.changes.reading import check_of, schema_of
from harness.experiment.changes.schema import ChangeSchema
from harness.model.change_facts import ChangeFacts, InPlace, TargetKind
from harness.model.changes import CHANGE_KINDS, ChangeSpec, NoChange, Scale, module_of
from harness.model.controllers import CONTROLLERS
from harness.model.rights import Right
from harness.testing.role_bound_api import Grant

ROOT = Path(__file__).parents[2]


def incomplete(kind: str) -> Iterator[str]:
    """Yield every missing part of a kind."""
    spec = CHANGE_KINDS[kind]
    yield from _record(kind, spec)
    yield from _schema(kind, spec)
    for part, find in (("check", check_of), ("carry_out", executor_of)):
        try:
            parameters = len(inspect.signature(find(kind)).parameters)
        except (ImportError, AttributeError):
            yield f"a module {module_of(kind)} with {part}"
        else:
            if parameters != (3 if part == "check" else 1):
                yield f"the parameters of {part}"
    in_place_page = page("reference/in-place.md")
    if f"| `{kind}` |" not in page("reference/experiments.md"):
        yield "its row in docs/reference/experiments.md"
    in_place = spec.facts.in_place
    if (f"`{in_place.usage}`" if in_place.usage else f"- `{kind}`: {in_place.refused}.") not in in_place_page:
        yield "its place in docs/reference/in-place.md"
    needed = {
        Grant(r.group, r.resource, verb) for w in CONTROLLERS for r in spec.facts.rights_behind(w) for verb in r.verbs
    }
    if not reaches_beyond(spec.facts) and needed - documented_role("ClusterRole"):
        yield "its rights in the Role of docs/reference/rights.md"


def _record(kind: str, spec: type[ChangeSpec]) -> Iterator[str]:
    facts = spec.__dict__.get("facts")
    if not dataclasses.is_dataclass(spec) or spec.kind != kind or not isinstance(facts, ChangeFacts):
        yield "a record with its kind and its facts"
        return
    for fact in ("summary", "observed", "undo"):
        if not getattr(facts, fact):
            yield f"its {fact}"
    if bool(facts.in_place.usage) == bool(facts.in_place.refused):
        yield "either its usage in place or why it is refused"
    if facts.target.field and facts.target.field not in {field.name for field in dataclasses.fields(spec)}:
        yield f"a field {facts.target.field}"
    if not facts.rights and not facts.is_control:
        yield "its rights"


def _schema(kind: str, spec: type[ChangeSpec]) -> Iterator[str]:
    try:
        schema = schema_of(kind)
    except (ImportError, AttributeError):
        yield f"a module {module_of(kind)} with {spec.__name__}Schema"
        return
    own = {name: field for name, field in schema.model_fields.items() if name not in ChangeSchema.model_fields}
    yield from (f"a description of {name}" for name, field in own.items() if not field.description)


@pytest.mark.parametrize("kind", CHANGE_KINDS)
def test_a_kind_has_all_its_parts(kind: str) -> None:
    """These are a record with facts, schema, check, executor, rows in the docs, and rights in the Role."""
    missing = list(incomplete(kind))

    assert missing == [], "\n".join(
        (f"{kind} lacks:", *missing, "`python -m harness.reference` writes what is missing in docs/reference.")
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Toy(ChangeSpec):
    """A kind of change that has only its record."""

    kind: ClassVar[str] = "toy"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="a toy",
        target=TargetKind.DEPLOYMENT,
        observed="never",
        undoable=False,
        undo="it does nothing",
        in_place=InPlace(usage="toy"),
        rights=(Right("example.org", "toys", ("get",)),),
    )
    deployment: str


@pytest.fixture
def with_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a kind that has only its record."""
    monkeypatch.setitem(cast("dict[str, type[ChangeSpec]]", CHANGE_KINDS), "toy", Toy)


def test_a_kind_without_its_other_parts_is_found(with_toy: None) -> None:
    """Each missing part is named."""
    assert list(incomplete("toy")) == [
        "a module toy with ToySchema",
        "a module toy with check",
        "a module toy with carry_out",
        "its row in docs/reference/experiments.md",
        "its place in docs/reference/in-place.md",
        "its rights in the Role of docs/reference/rights.md",
    ]


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"summary": ""}, "its summary"),
        ({"observed": ""}, "its observed"),
        ({"undo": ""}, "its undo"),
        ({"in_place": InPlace()}, "either its usage in place or why it is refused"),
        ({"target": TargetKind.SERVICE}, "a field service"),
        ({"rights": ()}, "its rights"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fact_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], lacks: str) -> None:
    """A kind with incomplete facts is not complete."""
    monkeypatch.setattr(Scale, "facts", dataclasses.replace(Scale.facts, **change))

    assert lacks in list(incomplete("scale"))


@pytest.mark.parametrize(
    ("find", "name", "lacks"),
    [
        (schema_of, "ScaleSchema", "a module scale with ScaleSchema"),
        (check_of, "check", "a module scale with check"),
        (executor_of, "carry_out", "a module scale with carry_out"),
    ],
)
def test_a_part_that_is_missing_is_found(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[str], object], name: str, lacks: str
) -> None:
    """A part that is removed from its module is named."""
    module = inspect.getmodule(find("scale"))
    assert isinstance(module, ModuleType)
    monkeypatch.delattr(module, name)

    assert list(incomplete("scale")) == [lacks]


#: Places of modules for one kind. Test doubles build trials of particular kinds.
OWN = ("harness/model/changes.py", "harness/changes/kinds/", "harness/experiment/changes/", "harness/testing/")


def named_kinds(text: str) -> set[str]:
    """Return the kinds that a module names, by importing the record or by the word as a whole text."""
    records = {spec.__name__ for spec in CHANGE_KINDS.values()} - {NoChange.__name__}
    words = {kind for kind in CHANGE_KINDS if "-" in kind}
    tree = ast.parse(text)
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "harness.model.changes"
        for alias in node.names
    }
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return (imported & records) | (texts & words)


def test_no_other_module_names_a_kind() -> None:
    """A list of kinds elsewhere would lack the next kind. It must follow from the facts."""
    modules = [path.relative_to(ROOT).as_posix() for path in (ROOT / "harness").rglob("*.py")]
    others = [module for module in modules if not module.startswith(OWN)]

    assert {module: found for module in others if (found := named_kinds((ROOT / module).read_text()))} == {}


@pytest.mark.parametrize(
    "text", ["from harness.model.changes import Scale", 'PLAIN = {"rolling-update"}', 'if kind == "ab-test": pass']
)
def test_a_module_that_names_a_kind_is_found(text: str) -> None:
    """It is found by the record and by the word."""
    assert len(named_kinds(text)) == 1
