"""Tests that every finding is one complete type, and that a missing part fails at import."""

from __future__ import annotations

import dataclasses
import math
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import findings
from harness.analysis.facts import Facts
from harness.errors import EvidenceError
from harness.findings.finding_type import CellFinding, FindingType, Sentence, Subject, TrialFinding
from harness.findings.losses import RequestsLost
from harness.findings.registry import GROUPS, TYPES, cell_checks, explain, trial_checks, types_in, weight_of
from harness.findings.sending import BehindSchedule
from harness.model.coded_types import by_code
from harness.model.verdict import Finding, Weight

#: Findings that come from another type's check, or from the judge itself.
WITHOUT_CHECK = {"share-not-measured", "check-raised"}
FORM = re.compile(r"[a-z]+(-[a-z]+)*")


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_every_finding_is_complete(kind: type[FindingType]) -> None:
    """It has a code named like its class, a weight, a check and both sentences."""
    name = "".join(part.title() for part in kind.code.split("-"))
    found = kind.read({})

    assert (kind.__name__, bool(FORM.fullmatch(kind.code))) == (name, True)
    assert kind.weight in Weight
    assert hasattr(kind, "check") == (kind.code not in WITHOUT_CHECK)
    assert all(isinstance(each, Sentence) and each.text for each in (found.sentence(), found.watch_sentence()))


def test_every_module_of_findings_is_a_group() -> None:
    """A new file must be in ``GROUPS``, else its findings would never be checked."""
    modules = {f"harness.findings.{module.name}" for module in pkgutil.iter_modules(findings.__path__)}

    assert modules == {group.__name__ for group in GROUPS} | {
        "harness.findings.finding_type",
        "harness.findings.registry",
    }


def test_every_check_has_a_subject() -> None:
    """Each type with a check examines a trial, a watch or a cell."""
    asked = {kind.code for subject in Subject for kind in (*trial_checks(subject), *cell_checks(subject))}

    assert asked == TYPES.keys() - WITHOUT_CHECK


def group_of(kind: type[FindingType]) -> ModuleType:
    """Return a group with one finding type."""
    module = ModuleType(kind.__module__)
    vars(module)["kind"] = kind
    return module


def test_a_complete_finding_is_a_type() -> None:
    """It is the complete type from which the next test removes parts."""

    @dataclass(frozen=True, kw_only=True)
    class Complete(TrialFinding, code="complete", weight=Weight.NOTE):
        """It has every part."""

        @classmethod
        def check(cls, facts: Facts) -> Iterator[FindingType]:
            del facts
            yield cls()

        def sentence(self) -> Sentence:
            return Sentence("It was found.")

    assert list(types_in(group_of(Complete))) == [Complete]


PARTS: dict[str, tuple[type[FindingType], dict[str, Any], dict[str, Any], bool]] = {
    "the weight": (TrialFinding, {"code": "toy"}, {}, True),
    "the code": (TrialFinding, {"weight": Weight.NOTE}, {}, True),
    "both": (TrialFinding, {}, {}, True),
    "the check": (TrialFinding, {"code": "toy", "weight": Weight.NOTE}, {"check": None}, True),
    "the check of a cell": (CellFinding, {"code": "toy", "weight": Weight.NOTE}, {"check": None}, True),
    "the sentence": (TrialFinding, {"code": "toy", "weight": Weight.NOTE}, {"sentence": None}, True),
    "subjects": (TrialFinding, {"code": "toy", "weight": Weight.NOTE, "subjects": ()}, {}, True),
    "the dataclass": (TrialFinding, {"code": "toy", "weight": Weight.NOTE}, {}, False),
}


@pytest.mark.parametrize(("base", "arguments", "without", "is_dataclass"), PARTS.values(), ids=PARTS)
def test_a_finding_without_one_of_its_parts_is_refused(
    base: type[FindingType], arguments: dict[str, Any], without: dict[str, Any], is_dataclass: bool
) -> None:
    """Each part in turn is removed."""
    parts = {
        "__module__": __name__,
        "check": classmethod(lambda _, facts: iter(())),
        "sentence": lambda _: Sentence("It was found."),
    }
    kept = {name: part for name, part in parts.items() if name not in without}

    def define() -> list[type[FindingType]]:
        kind = type("Toy", (base,), kept, **arguments)
        return list(types_in(group_of(dataclass(frozen=True)(kind) if is_dataclass else kind)))

    with pytest.raises(TypeError, match="Toy"):
        define()


def test_a_code_is_unique() -> None:
    """Two types can't share one."""
    with pytest.raises(TypeError, match="requests-lost"):
        by_code([RequestsLost, RequestsLost], "finding")


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_stored_finding_reads_back(kind: type[FindingType], data: st.DataObject) -> None:
    """The stored numbers give the same typed finding, and it gives the same numbers."""
    values: dict[str, st.SearchStrategy[Any]] = {"str": st.text(), "bool": st.booleans(), "int": st.integers(0, 10**6)}
    values["float"] = st.floats(allow_nan=False, allow_infinity=False)
    numbers: dict[str, Any] = {}
    for field in dataclasses.fields(cast("Any", kind)):
        if "prefix" in field.metadata:
            numbers |= {"lost_get": 3, "lost_new": 0}
            continue
        words = str(field.type).split(" | ")
        if "None" not in words or data.draw(st.booleans()):
            numbers[field.name] = data.draw(values[words[0]])
    found = kind.read(numbers)

    assert found.record() == Finding(kind.code, numbers)
    assert kind.read(found.record().numbers) == found
    assert next(iter(kind.among([Finding("other"), found.record()]))) == found


@pytest.mark.parametrize("value", ["text", math.nan, math.inf, None])
def test_a_wrong_number_reads_as_zero(value: Any) -> None:
    """A report of damaged or older numbers still works."""
    numbers = {} if value is None else {"max_ms": value, "p99_ms": value}

    assert BehindSchedule.read(numbers).max_ms == 0.0
    assert explain(Finding(BehindSchedule.code, numbers)).text


def test_a_finding_of_another_version_is_refused() -> None:
    """No weight and no sentence is invented for an unknown code."""
    for ask in (weight_of, explain):
        with pytest.raises(EvidenceError, match="no finding 'from-the-future'"):
            ask(Finding("from-the-future"))
