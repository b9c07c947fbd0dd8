"""Writes, seals and checks segments of which only a part of the attempts was kept.

A sealed segment is replaced by three files: the attempts that were kept, the connections that were kept, and the counts
of all others. A seal of their own names the seal of what they replace, which says how many attempts of each outcome
there were. So the kept and the counted attempts always add up to those that were recorded.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import EvidenceError, HarnessError
from harness.kit.files import clear_disk_errors, digest_of, sync_folder, write_bytes
from harness.model.attempt import Outcome
from harness.model.counted import VERSION, CountedAttempts, KeepOk
from harness.store.ledger_format import ATTEMPT, CONNECTION
from harness.store.ledger_reading import LedgerBlocks, outcome_counts
from harness.store.mapped import header
from harness.store.records import from_json, to_json
from harness.store.seal_lines import ANCHOR, append_line, fields_of, read_chain, signed_line
from harness.store.versions import check_version

Rows = np.ndarray[tuple[int], np.dtype[np.void]]

#: The files of a compacted segment, by the kind of file that each one replaces; the counts replace none.
_NAMES: Mapping[str, str] = {"ledger": "kept", "connections": "kept-connections", "counted": "counted"}


def compacted_path(directory: Path, kind: str, worker: int, number: int) -> Path:
    """Return the path of a file of a compacted segment: ``kept-0.0003.npy`` in place of ``ledger-0.0003.npy``."""
    part = f".{number:04}" if number else ""
    return directory / f"{_NAMES[kind]}-{worker}{part}.{'json' if kind == 'counted' else 'npy'}"


def compactions_path(directory: Path, worker: int) -> Path:
    """Return the path of the seals of a worker's compacted segments."""
    return directory / f"compacted-{worker}.jsonl"


@dataclass(frozen=True, slots=True)
class CompactionSeal:
    """The seal of a compacted segment.

    Attributes:
        segment: Number of the segment.
        keep: Which right answers were kept far from any loss.
        kept: Number of attempts that were kept.
        counted: Number of attempts that were counted and not kept.
        replaces: SHA-256 of the line that sealed the segment as it was recorded.
        files: SHA-256 of each of its files, by name.
        previous: SHA-256 of the line before it; of ``plan.json`` for the first one.
        text: The line itself, with its end.
    """

    segment: int
    keep: KeepOk
    kept: int
    counted: int
    replaces: str
    files: Mapping[str, str]
    previous: str
    text: bytes

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the line."""
        return hashlib.sha256(self.text).hexdigest()


class SegmentReplacer:
    """Replaces the sealed segments of one worker by compacted ones, in their order.

    Args:
        directory: The traffic folder.
        worker: Number of the worker.
        keep: Which right answers are kept far from any loss.
    """

    def __init__(self, directory: Path, worker: int, keep: KeepOk) -> None:
        self._directory, self._worker, self._keep = directory, worker, keep
        self._previous = ""

    def replace(
        self, attempts: Rows, connections: Rows, counted: CountedAttempts, *, replaces: str, old: Collection[str]
    ) -> None:
        """Write and seal what is kept of a segment, then remove the segment.

        Nothing is removed before its replacement and the seal of it are on disk (fsync).

        Args:
            attempts: The attempts that are kept.
            connections: The connections that are kept.
            counted: The counts of the others.
            replaces: Digest of the seal of the segment as it was recorded.
            old: Names of its files.

        Raises:
            HarnessError: A file can't be written; then the segment is as it was.
        """
        contents = {
            "ledger": header(ATTEMPT, len(attempts)) + attempts.tobytes(),
            "connections": header(CONNECTION, len(connections)) + connections.tobytes(),
            "counted": json.dumps(to_json(counted), sort_keys=True, separators=(",", ":")).encode() + b"\n",
        }
        paths = {kind: compacted_path(self._directory, kind, self._worker, counted.segment) for kind in contents}
        seals = compactions_path(self._directory, self._worker)
        try:
            for kind, content in contents.items():
                write_bytes(paths[kind], content)
            with clear_disk_errors(seals):
                fields = {
                    "version": VERSION,
                    "segment": counted.segment,
                    "keep": self._keep.value,
                    "kept": counted.kept,
                    "counted": counted.counted,
                    "replaces": replaces,
                    "files": {path.name: digest_of(path) for path in paths.values()},
                    "previous": self._previous or digest_of(self._directory / ANCHOR),
                }
                line = signed_line(fields)
                append_line(seals, line)
        except HarnessError:
            for path in paths.values():
                path.unlink(missing_ok=True)
            raise
        self._previous = hashlib.sha256(line).hexdigest()
        # Readers follow the seal, so a replaced file that can't be removed only takes up room.
        with contextlib.suppress(OSError):
            for name in old:
                (self._directory / name).unlink(missing_ok=True)
            sync_folder(self._directory)


def compactions(directory: Path, worker: int) -> tuple[dict[int, CompactionSeal], list[str]]:
    """Return the seals of a worker's compacted segments by segment, and what is wrong with the next seal."""
    seals, wrong = read_chain(compactions_path(directory, worker), _parsed, _why_not, "seal {}".format)
    return {seal.segment: seal for seal in seals}, wrong


def _why_not(before: Sequence[CompactionSeal], seal: CompactionSeal, *, follows: bool) -> str:
    """Return why a seal can't come after those before it; empty if it can."""
    latest = before[-1].segment if before else -1
    if follows and seal.segment > latest:
        return ""
    return f"seal {len(before)}, of segment {seal.segment}, does not follow that before it"


def damage_of(directory: Path, worker: int, seal: CompactionSeal, first: int, outcomes: Mapping[str, int]) -> list[str]:
    """Return what is wrong with the files of a compacted segment.

    Args:
        directory: The traffic folder.
        worker: Number of the worker.
        seal: The seal of the segment.
        first: Number of the first attempt that was recorded in it.
        outcomes: Number of the attempts that were recorded in it, by outcome.
    """
    name = f"segment {seal.segment}"
    paths = {kind: compacted_path(directory, kind, worker, seal.segment) for kind in _NAMES}
    if {path.name for path in paths.values()} != set(seal.files):
        return [f"{name} was compacted into files of other names: {', '.join(sorted(seal.files))}"]
    for path in paths.values():
        if not path.exists():
            return [f"{name} is missing, although it was compacted: {path.name}"]
        if digest_of(path) != seal.files[path.name]:
            return [f"{name} was changed after it was compacted: {path.name}"]
    try:
        counted = read_counted(paths["counted"])
        found = outcome_counts(paths["ledger"])
        numbers = np.concatenate(
            [np.zeros(0, np.uint64), *(rows["number"] for rows in LedgerBlocks(paths["ledger"], ATTEMPT, ATTEMPT))]
        )
    except EvidenceError as error:
        return [f"{name} can't be read: {error}"]
    kept = sum(found.values())
    found[Outcome.OK.label] = found.get(Outcome.OK.label, 0) + counted.counted
    adds_up = found == dict(outcomes) and kept == seal.kept == counted.kept and counted.counted == seal.counted
    adds_up &= sum(counted.streams) == sum(counted.per_second) == counted.counted > 0
    belongs = (counted.segment, counted.first, counted.attempts) == (seal.segment, first, sum(outcomes.values()))
    belongs &= bool((np.diff(numbers.astype(np.int64), prepend=first - 1, append=counted.end) > 0).all())
    return [] if adds_up and belongs else [f"{name}: the kept and the counted attempts are not those that were sealed"]


def read_counted(path: Path) -> CountedAttempts:
    """Return the counts of a compacted segment.

    Raises:
        EvidenceError: The file is missing or damaged, or of another version.
    """
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{path} can't be read: {error}") from error
    return from_json(CountedAttempts, check_version(data, VERSION, str(path)))


def counted_in(directory: Path, worker: int) -> tuple[CountedAttempts, ...]:
    """Return the counts of a worker's compacted segments, in their order.

    Raises:
        EvidenceError: A file is missing or damaged.
    """
    found, _ = compactions(directory, worker)
    return tuple(read_counted(compacted_path(directory, "counted", worker, number)) for number in found)


def counted_attempts(directory: Path, worker: int) -> int:
    """Return how many attempts of a worker were counted and not kept, by the seals."""
    found, _ = compactions(directory, worker)
    return sum(seal.counted for seal in found.values())


@contextlib.contextmanager
def unreplaced(*directories: Path) -> Iterator[None]:
    """Keep the segments of traffic folders from being replaced while a block reads them."""
    with contextlib.ExitStack() as stack:
        for directory in directories:
            stack.callback(_unlock, _lock(directory, fcntl.LOCK_SH))
        yield


@contextlib.contextmanager
def replacing(directory: Path) -> Iterator[bool]:
    """Yield True if segments may be replaced in the block; False if a process reads them now, or that is unknown."""
    handle = _lock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield handle >= 0
    finally:
        _unlock(handle)


def _lock(directory: Path, operation: int) -> int:
    """Lock a traffic folder, by a file of it that is never replaced. Return the open file; -1 if it is not locked."""
    try:
        handle = os.open(directory / ANCHOR, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        fcntl.flock(handle, operation)
    except OSError:
        os.close(handle)
        return -1
    return handle


def _unlock(handle: int) -> None:
    if handle >= 0:
        os.close(handle)


def _parsed(line: bytes) -> CompactionSeal:
    """Return the seal in a line; raises what ``fields_of`` raises."""
    fields = fields_of(line, VERSION)
    return CompactionSeal(
        segment=int(fields["segment"]),
        keep=KeepOk(fields["keep"]),
        kept=int(fields["kept"]),
        counted=int(fields["counted"]),
        replaces=str(fields["replaces"]),
        files={str(name): str(digest) for name, digest in fields["files"].items()},
        previous=str(fields["previous"]),
        text=line,
    )
