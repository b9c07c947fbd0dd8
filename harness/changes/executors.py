"""Finds the executor of a kind of change by the name of the kind."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from harness.changes.repetition import Repetition
from harness.model.changes import module_of

#: Carries out one repetition. Each undo is on disk before its write. Returns True if everything was observed.
Executor = Callable[[Repetition[Any]], bool]


def executor_of(kind: str) -> Executor:
    """Return the executor of a kind: ``carry_out`` of its module in ``harness.changes.kinds``."""
    return cast("Executor", import_module(f"harness.changes.kinds.{module_of(kind)}").carry_out)
