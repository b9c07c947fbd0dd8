"""Names, seals and checks the segments of a ledger that is written for hours.

A long ledger is a row of files. Each one is sealed when its last attempt has an outcome, while later ones are written.
The seals of a worker are lines of one file, and each line has the digest of the line before it. So a segment that is
missing, changed, cut, repeated or in another place is always noticed, and named.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import EvidenceError
from harness.kit.files import clear_disk_errors, digest_of, sync_folder
from harness.store.compacted import CompactionSeal, compacted_path, compactions, damage_of
from harness.store.ledger_reading import outcome_counts
from harness.store.seal_lines import ANCHOR, append_line, fields_of, read_chain, signed_line

#: The kinds of files that a segment has.
KINDS = ("ledger", "connections")
#: Version of the lines of seals.
VERSION = 1
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
    """Return the segments that exist, in their order; the first one in any case, since every ledger has it.

    A segment that was compacted is the file with what was kept of it.
    """
    compacted, _ = compactions(directory, worker)
    numbers = sorted({*segments_of(directory, kind, worker), *compacted})
    return [
        (compacted_path if number in compacted else segment_path)(directory, kind, worker, number)
        for number in (numbers or (0,))
    ]


def segments_begun(directory: Path, worker: int) -> int:
    """Return the number of segments that were begun, those among them that were compacted."""
    compacted, _ = compactions(directory, worker)
    return max([*segments_of(directory, "ledger", worker), *compacted], default=-1) + 1


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
            outcomes = outcome_counts(segment_path(self._directory, "ledger", self._worker, self.sealed))
            attempts = sum(outcomes.values())
            fields = {
                "version": VERSION,
                "segment": self.sealed,
                "first": self._first,
                "attempts": attempts,
                "outcomes": outcomes,
                "files": files,
                "previous": self._previous or digest_of(self._directory / ANCHOR),
            }
            seal = _parsed(signed_line(fields))
            append_line(path, seal.text)
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
    compacted, harm = compactions(directory, worker)
    changed = [text for seal in seals if seal.segment not in compacted for text in _changed(directory, seal)]
    for number, compaction in compacted.items():
        replaced = seals[number] if number < len(seals) else None
        harm += _replaced(directory, worker, compaction, replaced)
    attempts = sum(seal.attempts for seal in seals)
    return SegmentCheck(len(seals), attempts, (*_gaps(directory, worker, compacted), *changed, *wrong, *harm))


def _replaced(directory: Path, worker: int, compaction: CompactionSeal, seal: SegmentSeal | None) -> list[str]:
    """Return what is wrong with a compacted segment that takes the place of a sealed one."""
    if seal is None or compaction.replaces != seal.digest:
        return [f"segment {compaction.segment} was compacted, but not from the segment that was sealed"]
    return damage_of(directory, worker, compaction, seal.first, seal.outcomes)


@dataclass(frozen=True, slots=True)
class SealedPart:
    """The sealed segments of one worker.

    Attributes:
        segments: Their number.
        attempts: Number of the attempts that were recorded in them.
    """

    segments: int
    attempts: int


def sealed_part(directory: Path, worker: int) -> SealedPart:
    """Return the sealed segments, whose content is not compared."""
    seals, _ = _chain(directory, worker)
    return SealedPart(len(seals), sum(seal.attempts for seal in seals))


def _chain(directory: Path, worker: int) -> tuple[list[SegmentSeal], list[str]]:
    """Return the seals that follow each other from the first one on, and what is wrong with the next one."""
    return read_chain(seals_path(directory, worker), _parsed, _why_not, "the seal of segment {}".format)


def _why_not(before: Sequence[SegmentSeal], seal: SegmentSeal, *, follows: bool) -> str:
    """Return why a seal can't come after those before it; empty if it can."""
    place = len(before)
    if seal.segment != place:
        return f"where the seal of segment {place} belongs is that of segment {seal.segment}"
    before_it = f"segment {place - 1}" if place else ANCHOR
    return "" if follows else f"the seal of segment {place} does not follow that of {before_it}"


def _gaps(directory: Path, worker: int, compacted: Collection[int]) -> Iterator[str]:
    """Yield the segments between the first and the last that have no file and were not compacted."""
    for kind in KINDS:
        numbers = {*segments_of(directory, kind, worker), *compacted}
        for number in sorted(set(range(max(numbers, default=0))) - numbers):
            yield f"segment {number} is missing: {segment_path(directory, kind, worker, number).name}"


def _changed(directory: Path, seal: SegmentSeal) -> Iterator[str]:
    """Yield the files of a segment that differ from its seal."""
    for name, digest in seal.files.items():
        path = directory / name
        if not path.exists():
            yield f"segment {seal.segment} is missing, although it was sealed: {name}"
        elif digest_of(path) != digest:
            yield f"segment {seal.segment} was changed after it was sealed: {name}"


def _parsed(line: bytes) -> SegmentSeal:
    """Return the seal in a line.

    Raises:
        ValueError: It is no JSON, of another version, or not as it was written.
        KeyError: A field is missing.
    """
    fields = fields_of(line, VERSION)
    return SegmentSeal(
        segment=int(fields["segment"]),
        first=int(fields["first"]),
        attempts=int(fields["attempts"]),
        outcomes={str(label): int(n) for label, n in fields["outcomes"].items()},
        files={str(name): str(digest) for name, digest in fields["files"].items()},
        previous=str(fields["previous"]),
        text=line,
    )


def _synced_digest(path: Path) -> str:
    """Flush a file to disk, and return its SHA-256."""
    try:
        return digest_of(path, flushed=True)
    except FileNotFoundError as error:
        raise EvidenceError(f"{path} can't be sealed: {error.strerror}") from error
