"""Collects the types of findings or causes from the modules that define them, and finds the type of a stored one."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import ClassVar, Protocol, TypeVar

from harness.errors import EvidenceError


class Coded(Protocol):
    """A type with the code by which ``verdict.json`` names it."""

    code: ClassVar[str]


CodedT = TypeVar("CodedT", bound=Coded)


def require(kind: type, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition itself
    """Raise an error about a type unless a condition holds.

    Raises:
        TypeError: The condition does not hold.
    """
    if not holds:
        raise TypeError(f"{kind.__name__} {otherwise}.")


def classes_in(group: ModuleType) -> Iterator[type]:
    """Yield the classes that a module defines, in their order."""
    for value in vars(group).values():
        if isinstance(value, type) and value.__module__ == group.__name__:
            yield value


def require_complete(kind: type) -> None:
    """Require a dataclass without abstract methods.

    Raises:
        TypeError: The type is no dataclass, or lacks a method.
    """
    require(kind, "__dataclass_params__" in vars(kind), "is not a dataclass")
    lacking = ", ".join(sorted(getattr(kind, "__abstractmethods__", ())))
    require(kind, not inspect.isabstract(kind), f"lacks {lacking}")


def by_code(kinds: Iterable[type[CodedT]], noun: str) -> dict[str, type[CodedT]]:
    """Return types by their codes.

    Args:
        kinds: The types.
        noun: Their name in messages, such as ``finding``.

    Raises:
        TypeError: Two types have the same code.
    """
    found: dict[str, type[CodedT]] = {}
    for kind in kinds:
        require(kind, kind.code not in found, f"has the code of another {noun}, {kind.code}")
        found[kind.code] = kind
    return found


def known(types: Mapping[str, type[CodedT]], code: str, noun: str) -> type[CodedT]:
    """Return the type of a stored code.

    Raises:
        EvidenceError: This version does not know the code.
    """
    try:
        return types[code]
    except KeyError:
        hint = "Another version wrote it: use that version, or judge the evidence again with `harness analyze`."
        raise EvidenceError(f"There is no {noun} {code!r}.", hint=hint) from None
