"""Registers every cause; a loss gets the first one that explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType

from harness.causes import controller, endpoints, routing, starting, stopping, surroundings, unknown, upstream
from harness.causes.cause_type import CauseType
from harness.findings.finding_type import Sentence
from harness.model.causes import Cause
from harness.model.coded_types import by_code, classes_in, known, require_complete

#: The groups in the order in which their causes are tried; within a group the order is that of the file.
GROUPS: tuple[ModuleType, ...] = (
    surroundings,
    starting,
    routing,
    endpoints,
    stopping,
    controller,
    upstream,
    unknown,
)


def types_in(group: ModuleType) -> Iterator[type[CauseType]]:
    """Yield the causes that a module defines, in their order.

    Raises:
        TypeError: A cause lacks a method, or is no dataclass.
    """
    for kind in classes_in(group):
        # A common part has no code.
        if issubclass(kind, CauseType) and kind.__dict__.get("code"):
            require_complete(kind)
            yield kind


#: Every cause by its code, in the order in which they are tried.
TYPES: Mapping[str, type[CauseType]] = by_code((kind for group in GROUPS for kind in types_in(group)), "cause")


def type_of(cause: Cause) -> type[CauseType]:
    """Return the type of a stored cause.

    Raises:
        EvidenceError: This version does not know the cause.
    """
    return known(TYPES, cause.code, "cause")


def explained(cause: Cause) -> Sentence:
    """Return a stored cause as text, with what to change as advice.

    Raises:
        EvidenceError: This version does not know the cause.
    """
    return type_of(cause).read(cause.numbers).sentence()
