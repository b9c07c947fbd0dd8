"""The undo journal. The undo of every change is on disk before the change is made.

After a crash, the objects can be restored from the journal. An undo restores only fields that still have the value that
the harness gave them. Fields that others have changed since are left as they are, and are reported.
"""

from __future__ import annotations

import json
import os
import threading
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

#: Number of attempts at an undo while others change the object at the same time.
_RACES = 5

Operation = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UndoEntry:
    """A change and its undo.

    Attributes:
        number: Number in its journal, from 1.
        description: Text for people: ``Service apple-service: selector``.
        kind: Kind of the object.
        name: Name of the object.
        namespace: Namespace of the object.
        operations: JSON patch with, for each field, a ``test`` that it still has our value, and the operation that
            restores it. A field that the change removed has an ``add`` without a test, and is only restored if it is
            still absent. An object that the change created is deleted: it has a ``test`` of its label, and a
            ``remove`` of the path ``""``.
    """

    number: int
    description: str
    kind: str
    name: str
    namespace: str
    operations: tuple[Operation, ...]

    @property
    def deletes(self) -> bool:
        """Return True if the undo deletes the object."""
        return bool(self.operations) and self.operations[-1]["op"] == "remove" and not self.operations[-1]["path"]


class UndoOutcome(StrEnum):
    """The result of an undo."""

    #: The fields have their values from before again, or the created object is deleted.
    UNDONE = "undone"
    #: Every field had its value from before already: the change was never made, or somebody else has undone it.
    NOT_NEEDED = "not-needed"
    #: At least one field, or the object, is somebody else's now. It was left, and the other fields were restored.
    LEFT = "left"
    #: The object does not exist any more.
    GONE = "gone"
    #: The API server refused the undo or did not answer. It can be tried again.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UndoResult:
    """The outcome of an undo, with its reason in words.

    Attributes:
        entry: The entry.
        outcome: Its result.
        text: Fields that were left, with their values; or the error.
    """

    entry: UndoEntry
    outcome: UndoOutcome
    text: str = ""


class UndoJournal:
    """A journal on disk, as JSON lines. Each line is on disk (fsync) before the call returns.

    Two changes that overlap write into one journal, each in its own thread.

    Args:
        path: The file. It is created with the first entry; an existing one is continued.
        afterwards: File for new lines instead of ``path``, because sealed evidence is never written to.

    Raises:
        EvidenceError: A file exists and is damaged before its last line.
    """

    def __init__(self, path: Path, *, afterwards: Path | None = None) -> None:
        self.path = afterwards or path
        self._open: dict[int, UndoEntry] = {}
        self._settled: dict[int, UndoResult] = {}
        self._last = 0
        self._lock = threading.RLock()
        for line in (*_complete_lines(path), *(_complete_lines(afterwards) if afterwards else ())):
            self._replay(line)

    def prepare(
        self, description: str, kind: str, name: str, namespace: str, operations: Sequence[Operation]
    ) -> UndoEntry:
        """Write the undo of a change that is about to be made."""
        with self._lock:
            entry = UndoEntry(self._last + 1, description, kind, name, namespace, tuple(operations))
            self._write({"event": "prepared", **asdict(entry)})
        return entry

    def amend(self, entry: UndoEntry, operations: Sequence[Operation]) -> UndoEntry:
        """Replace the operations of an entry, because the server may have completed the values it was given."""
        entry = replace(entry, operations=tuple(operations))
        self._write({"event": "prepared", **asdict(entry)})
        return entry

    def done(self, entry: UndoEntry, outcome: str = UndoOutcome.UNDONE) -> None:
        """Close an entry. Nothing is left to do for it."""
        self._write({"event": "done", "number": entry.number, "outcome": str(outcome)})

    def open_entries(self) -> tuple[UndoEntry, ...]:
        """Return the entries that are not done, newest first."""
        with self._lock:
            return tuple(self._open[number] for number in sorted(self._open, reverse=True))

    def settled(self) -> tuple[UndoResult, ...]:
        """Return the results of the entries that are done, oldest first."""
        return tuple(self._settled[number] for number in sorted(self._settled))

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._lock, clear_disk_errors(self.path):
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
    """Return all complete lines. Remove an incomplete last line: its change was never made."""
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
    """Undo all open entries, newest first. A failure does not prevent the others.

    Returns:
        The result of each. ``FAILED`` entries stay open in the journal, so that they can be retried.
    """
    return tuple(undo(entry, journal, kube) for entry in journal.open_entries())


def undo(entry: UndoEntry, journal: UndoJournal, kube: KubeApi) -> UndoResult:
    """Undo one entry, and close it unless that failed."""
    try:
        result = _delete(entry, kube) if entry.deletes else _undo(entry, kube)
    except NotFoundError:
        result = UndoResult(entry, UndoOutcome.GONE, f"{entry.kind} {entry.name} does not exist any more")
    except KubeError as error:
        return UndoResult(entry, UndoOutcome.FAILED, str(error))
    journal.done(entry, result.outcome)
    return result


def _delete(entry: UndoEntry, kube: KubeApi) -> UndoResult:
    """Delete the created object, unless the object of that name was created by somebody else."""
    mark = entry.operations[0]
    if value_at(kube.get(entry.kind, entry.name, entry.namespace), mark["path"]) != mark["value"]:
        return UndoResult(entry, UndoOutcome.LEFT, "somebody else created this object")
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
    """Return the fields with our value, and texts about fields with a third value.

    Fields that have their value from before are in neither.
    """
    ours, left = [], []
    for field in _fields(entry.operations):
        path, last = field[-1]["path"], field[-1]
        holds = value_at(found, path)
        given = field[0]["value"] if field[0]["op"] == "test" else ABSENT
        original = last["value"] if last["op"] != "remove" else ABSENT
        if holds == given:
            ours.append(field)
        elif holds != original:
            left.append(f"somebody else set {path} to {holds!r}")
    return ours, left


def _fields(operations: Sequence[Operation]) -> list[tuple[Operation, ...]]:
    """Return the operations grouped by field: a ``test`` and the operation on the same path."""
    groups: list[tuple[Operation, ...]] = []
    for operation in operations:
        if groups and groups[-1][0]["op"] == "test" and len(groups[-1]) == 1:
            groups[-1] = (*groups[-1], operation)
        else:
            groups.append((operation,))
    return groups
