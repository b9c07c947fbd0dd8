"""Registers every finding type; their order and weights are derived from the types themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType

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
from harness.model.coded_types import by_code, classes_in, known, require, require_complete
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
        TypeError: A type lacks a code or a method, or has only one of check and subjects.
    """
    for kind in classes_in(group):
        if issubclass(kind, FindingType):
            require(kind, bool(kind.code), "has no code and no weight")
            require_complete(kind)
            require(kind, hasattr(kind, "check") == bool(kind.subjects), "needs both a check and subjects, or neither")
            yield kind


#: Every finding type by its code.
TYPES: Mapping[str, type[FindingType]] = by_code((kind for group in GROUPS for kind in types_in(group)), "finding")
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
    return known(TYPES, finding.code, "finding")


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
