"""Registers every finding type; their order and weights are derived from the types themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType

from harness.errors import EvidenceError
from harness.findings import (
    application,
    completeness,
    connections,
    coverage,
    expectations,
    in_place,
    instrument,
    losses,
    releases,
    remarks,
    sending,
    shapes,
    stopping,
    surroundings,
)
from harness.findings.finding_type import CellFinding, FindingType, Sentence, Subject, TrialFinding
from harness.model.verdict import Finding, Weight

#: The groups in the order of their findings in a verdict; within a group the order is that of the file.
GROUPS: tuple[ModuleType, ...] = (
    instrument,
    stopping,
    in_place,
    losses,
    completeness,
    releases,
    coverage,
    shapes,
    sending,
    surroundings,
    application,
    connections,
    remarks,
    expectations,
)


def types_in(group: ModuleType) -> Iterator[type[FindingType]]:
    """Yield the finding types that a module defines, in their order.

    Raises:
        TypeError: A type lacks a code or a method, or has a check without a subject.
    """
    for value in vars(group).values():
        if isinstance(value, type) and issubclass(value, FindingType) and value.__module__ == group.__name__:
            _require(value, bool(value.code), "has no code and no weight")
            _require(value, "__dataclass_params__" in vars(value), "is not a dataclass")
            _require(value, not inspect.isabstract(value), f"lacks {', '.join(sorted(value.__abstractmethods__))}")
            _require(value, hasattr(value, "check") == bool(value.subjects), "has a check without a subject")
            yield value


def _require(kind: type[FindingType], holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition itself
    if not holds:
        raise TypeError(f"{kind.__name__} {otherwise}.")


def by_code(kinds: Iterable[type[FindingType]]) -> dict[str, type[FindingType]]:
    """Return the types by their codes.

    Raises:
        TypeError: Two types have the same code.
    """
    found: dict[str, type[FindingType]] = {}
    for kind in kinds:
        _require(kind, kind.code not in found, f"has the code of another finding, {kind.code}")
        found[kind.code] = kind
    return found


#: Every finding type by its code.
TYPES: Mapping[str, type[FindingType]] = by_code(kind for group in GROUPS for kind in types_in(group))
#: The weight of each finding.
WEIGHTS: Mapping[str, Weight] = {code: kind.weight for code, kind in TYPES.items()}


def trial_checks(subject: Subject) -> tuple[type[TrialFinding], ...]:
    """Return the checks of a trial or of a watch."""
    return tuple(kind for kind in TYPES.values() if issubclass(kind, TrialFinding) and subject in kind.subjects)


def cell_checks(subject: Subject) -> tuple[type[CellFinding], ...]:
    """Return the checks of a cell."""
    return tuple(kind for kind in TYPES.values() if issubclass(kind, CellFinding) and subject in kind.subjects)


def type_of(finding: Finding) -> type[FindingType]:
    """Return the type of a stored finding.

    Raises:
        EvidenceError: This version does not know the finding.
    """
    try:
        return TYPES[finding.code]
    except KeyError:
        hint = "Another version wrote it: use that version, or judge the evidence again with `harness analyze`."
        raise EvidenceError(f"There is no finding {finding.code!r}.", hint=hint) from None


def weight_of(finding: Finding) -> Weight:
    """Return the effect of a finding on the verdict.

    Raises:
        EvidenceError: This version does not know the finding.
    """
    return type_of(finding).weight


def reasons(findings: Iterable[Finding], *, watched: bool = False) -> tuple[tuple[Weight, Sentence], ...]:
    """Return findings as text, those that decide the verdict first.

    Args:
        findings: Stored findings.
        watched: True for the findings of a watch.

    Raises:
        EvidenceError: This version does not know the finding.
    """
    order = list(Weight)
    found = sorted(findings, key=lambda finding: order.index(weight_of(finding)))
    return tuple((weight_of(finding), explain(finding, watched=watched)) for finding in found)


def explain(finding: Finding, *, watched: bool = False) -> Sentence:
    """Return a finding as text, with the number of its trial if it has one.

    Args:
        finding: The stored finding.
        watched: True for the finding of a watch.

    Raises:
        EvidenceError: This version does not know the finding.
    """
    found = type_of(finding).read(finding.numbers)
    sentence = found.watch_sentence() if watched else found.sentence()
    trial = finding.numbers.get("trial")
    return Sentence(f"Trial {trial}: {sentence.text}", sentence.advice) if trial else sentence
