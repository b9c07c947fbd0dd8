"""The undo journal: what would put every change back is on disk before the change is made.

Whoever finds a journal after a crash can restore the objects it names. Only fields that still hold the value that the
harness gave them are touched: what somebody else has changed since is theirs, is left as it is, and that is said.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError
from harness.kit.files import clear_disk_errors
from harness.kube.api import KubeApi
from harness.kube.errors import ConflictError, KubeError, NotFoundError, RejectedError
from harness.kube.pointer import ABSENT, value_at

#: How often a field may change under an undo that is just being made, before it is given up.
_RACES = 5

Operation = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UndoEntry:
    """One change and what puts it back.

    Attributes:
        number: Counted from 1 in its journal.
        description: For people: ``Service apple-service: selector``.
        kind: Of the object.
        name: Of the object.
        namespace: Of the object.
        operations: JSON patch: per field a ``test`` that it still holds our value, then what restores it. A field
            that the change took away has an ``add`` without a test; it is put back only where it is still absent.
            An object that the change creates is taken away as a whole: a ``test`` of the mark that it was given, then
            a ``remove`` of the path ``""``.
    """

    number: int
    description: str
    kind: str
    name: str
    namespace: str
    operations: tuple[Operation, ...]

    @property
    def deletes(self) -> bool:
        """Return whether the whole object is deleted."""
        return bool(self.operations) and self.operations[-1]["op"] == "remove" and not self.operations[-1]["path"]


class UndoOutcome(StrEnum):
    """The result of an undo."""

    UNDONE = "undone"
    NOT_NEEDED = "not-needed"
    LEFT = "left"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UndoResult:
    """The result of an undo, and for people, the reason.

    Attributes:
        entry: The entry.
        outcome: ``LEFT`` if at least one field was somebody else's by now; the others were restored.
        text: Fields left alone and what they hold, or the error.
    """

    entry: UndoEntry
    outcome: UndoOutcome
    text: str = ""


class UndoJournal:
    """A journal on disk: JSON lines, each on disk (fsync) before the call returns.

    Args:
        path: The file; it is made with the first entry. An existing one is continued.
        afterwards: Where it is continued instead: evidence that is sealed is never written to.

    Raises:
        EvidenceError: A file exists and is damaged before its last line.
    """

    def __init__(self, path: Path, *, afterwards: Path | None = None) -> None:
        self.path = afterwards or path
        self._open: dict[int, UndoEntry] = {}
        self._settled: dict[int, UndoResult] = {}
        self._last = 0
        for line in (*_complete_lines(path), *(_complete_lines(afterwards) if afterwards else ())):
            self._replay(line)

    def prepare(
        self, description: str, kind: str, name: str, namespace: str, operations: Sequence[Operation]
    ) -> UndoEntry:
        """Write down how to undo a change that is about to be made."""
        entry = UndoEntry(self._last + 1, description, kind, name, namespace, tuple(operations))
        self._write({"event": "prepared", **asdict(entry)})
        return entry

    def amend(self, entry: UndoEntry, operations: Sequence[Operation]) -> UndoEntry:
        """Give an entry other operations: the server may have completed the values that it was given."""
        entry = replace(entry, operations=tuple(operations))
        self._write({"event": "prepared", **asdict(entry)})
        return entry

    def done(self, entry: UndoEntry, outcome: str = UndoOutcome.UNDONE) -> None:
        """Close an entry: nothing is left to do for it."""
        self._write({"event": "done", "number": entry.number, "outcome": str(outcome)})

    def open_entries(self) -> tuple[UndoEntry, ...]:
        """Entries that are not done, newest first."""
        return tuple(self._open[number] for number in sorted(self._open, reverse=True))

    def settled(self) -> tuple[UndoResult, ...]:
        """Return the results of the entries that are done, oldest first."""
        return tuple(self._settled[number] for number in sorted(self._settled))

    def _write(self, line: Mapping[str, Any]) -> None:
        with clear_disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self._replay(line)

    def _replay(self, line: Mapping[str, Any]) -> None:
        number = int(line["number"])
        self._last = max(self._last, number)
        if line["event"] == "done":
            entry, outcome = self._open.pop(number, None), str(line["outcome"])
            if entry is not None and outcome in set(UndoOutcome):
                self._settled[number] = UndoResult(entry, UndoOutcome(outcome))
            return
        fields = {key: value for key, value in line.items() if key != "event"}
        self._open[number] = UndoEntry(**{**fields, "operations": tuple(fields["operations"])})


def _complete_lines(path: Path) -> list[Mapping[str, Any]]:
    """All lines; a last one that a crash cut short was not acted upon, so it is cut off."""
    if not path.exists():
        return []
    *lines, rest = path.read_bytes().split(b"\n")
    if rest:
        os.truncate(path, path.stat().st_size - len(rest))
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise EvidenceError(f"The undo journal {path} is damaged: {error}.") from error


def undo_all(journal: UndoJournal, kube: KubeApi) -> tuple[UndoResult, ...]:
    """Undo what is open, newest first; one that fails does not keep the others from being undone.

    Returns:
        What became of each. ``FAILED`` ones stay open in the journal, so that it can be tried again.
    """
    return tuple(undo(entry, journal, kube) for entry in journal.open_entries())


def undo(entry: UndoEntry, journal: UndoJournal, kube: KubeApi) -> UndoResult:
    """Undo one entry and close it, unless it failed."""
    try:
        result = _delete(entry, kube) if entry.deletes else _undo(entry, kube)
    except NotFoundError:
        result = UndoResult(entry, UndoOutcome.GONE, f"{entry.kind} {entry.name} is not there any more")
    except KubeError as error:
        return UndoResult(entry, UndoOutcome.FAILED, str(error))
    journal.done(entry, result.outcome)
    return result


def _delete(entry: UndoEntry, kube: KubeApi) -> UndoResult:
    """Take away what was created, unless an object of that name is somebody else's."""
    mark = entry.operations[0]
    if value_at(kube.get(entry.kind, entry.name, entry.namespace), mark["path"]) != mark["value"]:
        return UndoResult(entry, UndoOutcome.LEFT, "it was made by somebody else and is left as it is")
    kube.delete(entry.kind, entry.name, entry.namespace)
    return UndoResult(entry, UndoOutcome.UNDONE)


def _undo(entry: UndoEntry, kube: KubeApi) -> UndoResult:
    for race in range(_RACES):
        found = kube.get(entry.kind, entry.name, entry.namespace)
        ours, left = _sort_fields(entry, found)
        if ours:
            guard = {"op": "test", "path": "/metadata/resourceVersion", "value": found["metadata"]["resourceVersion"]}
            operations = [operation for field in ours for operation in field]
            untested = any(field[0]["op"] != "test" for field in ours)
            try:
                kube.patch(
                    entry.kind,
                    entry.name,
                    entry.namespace,
                    [guard, *operations] if untested else operations,
                    strategy="json",
                )
            except (RejectedError, ConflictError):
                if race == _RACES - 1:
                    raise
                continue
        return _result(entry, restored=bool(ours), left=left)
    raise AssertionError("unreachable: the last race returns or raises")


def _result(entry: UndoEntry, *, restored: bool, left: Sequence[str]) -> UndoResult:
    if left:
        return UndoResult(entry, UndoOutcome.LEFT, "; ".join(left))
    return UndoResult(entry, UndoOutcome.UNDONE if restored else UndoOutcome.NOT_NEEDED)


def _sort_fields(entry: UndoEntry, found: Mapping[str, Any]) -> tuple[list[tuple[Operation, ...]], list[str]]:
    """Fields that still hold our value, and for people, those that hold a third one. Restored ones are in neither."""
    ours, left = [], []
    for field in _fields(entry.operations):
        path, last = field[-1]["path"], field[-1]
        holds = value_at(found, path)
        given = field[0]["value"] if field[0]["op"] == "test" else ABSENT
        original = last["value"] if last["op"] != "remove" else ABSENT
        if holds == given:
            ours.append(field)
        elif holds != original:
            left.append(f"{path} was changed by somebody else to {holds!r} and is left as it is")
    return ours, left


def _fields(operations: Sequence[Operation]) -> list[tuple[Operation, ...]]:
    """Operations grouped by the field they are about: a ``test`` and what follows it on the same path."""
    groups: list[tuple[Operation, ...]] = []
    for operation in operations:
        if groups and groups[-1][0]["op"] == "test" and len(groups[-1]) == 1:
            groups[-1] = (*groups[-1], operation)
        else:
            groups.append((operation,))
    return groups
