"""Registers every cause; a loss gets the first one that explains it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType

from harness.causes import controller, endpoints, routing, starting, stopping, surroundings, unknown, upstream
from harness.causes.cause_type import CauseType
from harness.errors import EvidenceError
from harness.findings.finding_type import Sentence
from harness.model.causes import Cause

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
    for value in vars(group).values():
        if isinstance(value, type) and issubclass(value, CauseType) and value.__module__ == group.__name__:
            if not value.__dict__.get("code"):
                continue
            if "__dataclass_params__" not in vars(value):
                raise TypeError(f"{value.__name__} is not a dataclass.")
            if inspect.isabstract(value):
                raise TypeError(f"{value.__name__} lacks {', '.join(sorted(value.__abstractmethods__))}.")
            yield value


def by_code(kinds: Iterable[type[CauseType]]) -> dict[str, type[CauseType]]:
    """Return the causes by their codes.

    Raises:
        TypeError: Two causes have the same code.
    """
    found: dict[str, type[CauseType]] = {}
    for kind in kinds:
        if kind.code in found:
            raise TypeError(f"{kind.__name__} has the code of another cause, {kind.code}.")
        found[kind.code] = kind
    return found


#: Every cause by its code, in the order in which they are tried.
TYPES: Mapping[str, type[CauseType]] = by_code(kind for group in GROUPS for kind in types_in(group))


def type_of(cause: Cause) -> type[CauseType]:
    """Return the type of a stored cause.

    Raises:
        EvidenceError: This version does not know the cause.
    """
    try:
        return TYPES[cause.code]
    except KeyError:
        hint = "Another version wrote it: use that version, or judge the evidence again with `harness analyze`."
        raise EvidenceError(f"There is no cause {cause.code!r}.", hint=hint) from None


def explained(cause: Cause) -> Sentence:
    """Return a stored cause as text, with what to change as advice.

    Raises:
        EvidenceError: This version does not know the cause.
    """
    return type_of(cause).read(cause.numbers).sentence()
