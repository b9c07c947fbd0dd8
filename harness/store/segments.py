"""Names, seals and checks the segments of a ledger that is written for hours.

A long ledger is a row of files. Each one is sealed when its last attempt has an outcome, while later ones are written.
The seals of a worker are lines of one file, and each line has the digest of the line before it. So a segment that is
missing, changed, cut, repeated or in another place is always noticed, and named.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import EvidenceError
from harness.kit.files import clear_disk_errors, digest_of, sync_folder
from harness.model.attempt import Outcome
from harness.store.ledger_format import ATTEMPT
from harness.store.ledger_reading import LedgerBlocks

#: The kinds of files that a segment has.
KINDS = ("ledger", "connections")
#: Version of the lines of seals.
VERSION = 1
#: The file whose digest the first seal has in place of an earlier line: seals of another sender do not fit.
_ANCHOR = "plan.json"
_NUMBERED = re.compile(r"\.(\d{4,})\.npy$")


def segment_path(directory: Path, kind: str, worker: int, number: int) -> Path:
    """Return the path of a segment: ``ledger-0.npy`` for the first one, ``ledger-0.0001.npy`` for the second."""
    part = f".{number:04}" if number else ""
    return directory / f"{kind}-{worker}{part}.npy"


def seals_path(directory: Path, worker: int) -> Path:
    """Return the path of the seals of a worker's segments."""
    return directory / f"segments-{worker}.jsonl"


def next_segment(path: Path) -> Path:
    """Return the path of the segment after this one."""
    found = _NUMBERED.search(path.name)
    stem = path.name[: found.start()] if found else path.name.removesuffix(".npy")
    return path.with_name(f"{stem}.{(int(found[1]) if found else 0) + 1:04}.npy")


def segments_of(directory: Path, kind: str, worker: int) -> tuple[int, ...]:
    """Return the numbers of the segments that exist, in their order."""
    later = (_NUMBERED.search(path.name) for path in directory.glob(f"{kind}-{worker}.*.npy"))
    first = (0,) if segment_path(directory, kind, worker, 0).exists() else ()
    return tuple(sorted((*first, *(int(found[1]) for found in later if found))))


def paths_of(directory: Path, kind: str, worker: int) -> list[Path]:
    """Return the segments that exist, in their order; the first one in any case, since every ledger has it."""
    numbers = segments_of(directory, kind, worker)
    return [segment_path(directory, kind, worker, number) for number in (numbers or (0,))]


@dataclass(frozen=True, slots=True)
class SegmentSeal:
    """The seal of one segment.

    Attributes:
        segment: Its number, counted from 0.
        first: Number of its first attempt.
        attempts: Number of its attempts.
        outcomes: Number of its attempts by outcome.
        files: SHA-256 of each of its files, by name.
        previous: SHA-256 of the line of the segment before it; of ``plan.json`` for the first one.
        text: The line itself, with its end.
    """

    segment: int
    first: int
    attempts: int
    outcomes: Mapping[str, int]
    files: Mapping[str, str]
    previous: str
    text: bytes

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the line."""
        return hashlib.sha256(self.text).hexdigest()


class SegmentSealer:
    """Seals the segments of one worker, in their order.

    Args:
        directory: The traffic folder.
        worker: Number of the worker.

    Attributes:
        sealed: Number of sealed segments.
    """

    def __init__(self, directory: Path, worker: int) -> None:
        self.sealed = 0
        self._directory, self._worker = directory, worker
        self._previous = ""
        self._first = 0

    def seal(self) -> SegmentSeal:
        """Seal the next segment, which must be complete.

        Its files are on disk before its seal is (fsync), so a power cut leaves no seal without its segment.

        Raises:
            EvidenceError: A file of the segment can't be read.
            HarnessError: The seal can't be written.
        """
        path = seals_path(self._directory, self._worker)
        with clear_disk_errors(path):
            files = {}
            for kind in KINDS:
                file = segment_path(self._directory, kind, self._worker, self.sealed)
                files[file.name] = _synced_digest(file)
            sync_folder(self._directory)
            attempts, outcomes = _counts(segment_path(self._directory, "ledger", self._worker, self.sealed))
            fields = {
                "version": VERSION,
                "segment": self.sealed,
                "first": self._first,
                "attempts": attempts,
                "outcomes": outcomes,
                "files": files,
                "previous": self._previous or digest_of(self._directory / _ANCHOR),
            }
            seal = _signed(fields)
            _append(path, seal.text)
        self._previous, self._first = seal.digest, self._first + attempts
        self.sealed += 1
        return seal


@dataclass(frozen=True, slots=True)
class SegmentCheck:
    """The state of one worker's segments.

    Attributes:
        sealed: Number of segments whose seals are right.
        attempts: Number of attempts in them.
        damage: Descriptions of segments and seals that are missing, changed, repeated, or in another place.
    """

    sealed: int
    attempts: int
    damage: tuple[str, ...]


def check_segments(directory: Path, worker: int) -> SegmentCheck:
    """Compare the segments of one worker with their seals.

    A ledger of one file needs none. Segments after the last seal are not sealed: they are read as any unsealed ledger.
    A last line without its end is a seal that was never written.
    """
    seals, wrong = _chain(directory, worker)
    changed = [text for seal in seals for text in _changed(directory, seal)]
    return SegmentCheck(len(seals), sum(seal.attempts for seal in seals), (*_gaps(directory, worker), *changed, *wrong))


def sealed_attempts(directory: Path, worker: int) -> int:
    """Return the number of attempts in sealed segments, whose content is not compared."""
    return sum(seal.attempts for seal in _chain(directory, worker)[0])


def _chain(directory: Path, worker: int) -> tuple[list[SegmentSeal], list[str]]:
    """Return the seals that follow each other from the first one on, and what is wrong with the next one."""
    path, found = seals_path(directory, worker), list[SegmentSeal]()
    if not path.exists():
        return found, []
    anchor = directory / _ANCHOR
    previous = digest_of(anchor) if anchor.exists() else ""
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        place = len(found)
        try:
            seal = _parsed(line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return found, [f"{path.name}: the seal of segment {place} is damaged: {error}"]
        if seal.segment != place:
            return found, [f"{path.name}: where the seal of segment {place} belongs is that of segment {seal.segment}"]
        if seal.previous != previous:
            before = f"segment {place - 1}" if place else _ANCHOR
            return found, [f"{path.name}: the seal of segment {place} does not follow that of {before}"]
        found.append(seal)
        previous = seal.digest
    return found, []


def _gaps(directory: Path, worker: int) -> Iterator[str]:
    """Yield the segments between the first and the last that have no file."""
    for kind in KINDS:
        numbers = segments_of(directory, kind, worker)
        for number in sorted(set(range(max(numbers, default=0))) - set(numbers)):
            yield f"segment {number} is missing: {segment_path(directory, kind, worker, number).name}"


def _changed(directory: Path, seal: SegmentSeal) -> Iterator[str]:
    """Yield the files of a segment that differ from its seal."""
    for name, digest in seal.files.items():
        path = directory / name
        if not path.exists():
            yield f"segment {seal.segment} is missing, although it was sealed: {name}"
        elif digest_of(path) != digest:
            yield f"segment {seal.segment} was changed after it was sealed: {name}"


def _counts(ledger: Path) -> tuple[int, dict[str, int]]:
    """Return the number of attempts of a segment, and the same by outcome."""
    counts = np.zeros(256, np.int64)
    for rows in LedgerBlocks(ledger, ATTEMPT, ATTEMPT):
        counts += np.bincount(rows["outcome"], minlength=256)
    labels = {int(outcome): outcome.label for outcome in Outcome}
    found = {labels.get(code, f"unknown-{code}"): int(counts[code]) for code in np.flatnonzero(counts).tolist()}
    return int(counts.sum()), found


def _signed(fields: Mapping[str, Any]) -> SegmentSeal:
    """Return a seal whose line ends with the digest of its other fields."""
    return _parsed(_line({**fields, "seal": hashlib.sha256(_line(fields)).hexdigest()}))


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True).encode() + b"\n"


def _parsed(line: bytes) -> SegmentSeal:
    """Return the seal in a line.

    Raises:
        ValueError: It is no JSON, of another version, or not as it was written.
        KeyError: A field is missing.
    """
    fields = json.loads(line)
    own = fields.pop("seal")
    if fields["version"] != VERSION:
        raise ValueError(f"version {fields['version']} is unknown")
    if hashlib.sha256(_line(fields)).hexdigest() != own:
        raise ValueError("it was changed")
    return SegmentSeal(
        segment=int(fields["segment"]),
        first=int(fields["first"]),
        attempts=int(fields["attempts"]),
        outcomes={str(label): int(n) for label, n in fields["outcomes"].items()},
        files={str(name): str(digest) for name, digest in fields["files"].items()},
        previous=str(fields["previous"]),
        text=line,
    )


def _append(path: Path, line: bytes) -> None:
    """Append a line to a file and flush it to disk; a line that does not fit is taken back."""
    is_new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        try:
            rest = line
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)


def _synced_digest(path: Path) -> str:
    """Flush a file to disk, and return its SHA-256."""
    try:
        return digest_of(path, flushed=True)
    except FileNotFoundError as error:
        raise EvidenceError(f"{path} can't be sealed: {error.strerror}") from error
