"""Keeps a history in a folder: one JSON line for each cell of each run, so that a Git branch can merge it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError, HarnessError
from harness.kit.files import clear_disk_errors, write_text
from harness.kit.locks import held
from harness.model.history import VERSION, HistoryEntry
from harness.store.records import from_json, to_json
from harness.store.versions import check_version

FILE = "history.jsonl"


def read_history(folder: Path) -> tuple[HistoryEntry, ...]:
    """Return the entries of a history, in the order of their lines; none if the folder has no history.

    A line that occurs twice, as after a merge, counts once.

    Raises:
        EvidenceError: A line is damaged, or has another version of the format; the message names it.
    """
    path = folder / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{path} can't be read: {error}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            entry = _entry(line, f"{path}:{number}")
            found[entry.run, entry.experiment, entry.cell] = entry
    return tuple(found.values())


def append_history(folder: Path, entries: Sequence[HistoryEntry]) -> int:
    """Add entries to a history, and create it if there is none. Entries that it has already stay as they are.

    Returns:
        The number of entries added.

    Raises:
        EvidenceError: A line of the history is damaged, or has another version of the format.
        HarnessError: The folder or the file can't be written, or another process is writing it.
    """
    with clear_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with held(folder) as is_ours:
        if not is_ours:
            raise HarnessError(f"another process is adding to the history in {folder}", hint="Try again.")
        there = read_history(folder)
        known = {(entry.run, entry.experiment, entry.cell) for entry in there}
        new = [entry for entry in entries if (entry.run, entry.experiment, entry.cell) not in known]
        if new:
            write_text(folder / FILE, "".join(map(_line, (*there, *new))))
        return len(new)


def _line(entry: HistoryEntry) -> str:
    return json.dumps(to_json(entry), sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _entry(line: str, place: str) -> HistoryEntry:
    try:
        data: Any = json.loads(line)
    except ValueError as error:
        raise EvidenceError(f"{place}: no JSON: {error}", hint="Restore the file from its backup or branch.") from error
    fields = check_version(data, VERSION, place)
    try:
        return from_json(HistoryEntry, fields)
    except EvidenceError as error:
        raise EvidenceError(f"{place}: {error.message}") from error
