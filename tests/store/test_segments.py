"""Tests that a ledger in segments is read as one, and that no harm to a sealed segment stays unseen."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store import seal_lines
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_ledger
from harness.store.ledger_reading import attempts_in, connections_in, load_attempts, load_connections
from harness.store.ledger_tail import LedgerTail
from harness.store.rotation import Rotation
from harness.store.segments import (
    SealedPart,
    SegmentSealer,
    check_segments,
    next_segment,
    paths_of,
    sealed_part,
    seals_path,
    segment_path,
)

#: Attempts of each segment of the ledger that the tests harm.
SIZE = 20


class Writer:
    """Writes attempts, each third one on one of two connections that stay open, the others on their own.

    Args:
        directory: The traffic folder.
        chunk: Rows allocated at once.
    """

    def __init__(self, directory: Path, *, chunk: int = 8) -> None:
        directory.mkdir(exist_ok=True)
        (directory / "plan.json").write_text("{}")
        self.ledger = LedgerWriter(directory / "ledger-0.npy", origin_ns=0, chunk=chunk)
        self.connections = ConnectionLedger(directory / "connections-0.npy", origin_ns=0, chunk=chunk)
        self.kept = [self.connections.begin(Shape.REUSED, 1), self.connections.begin(Shape.REUSED, 2)]
        self.carried = 0
        self.rotation = Rotation(self.ledger, self.connections, lambda: tuple(self.kept))

    def send(self, count: int) -> None:
        """Write some attempts with their outcomes."""
        for _ in range(count):
            row = self.ledger.used
            is_kept = row % 3 == 0
            shape = Shape.REUSED if is_kept else Shape.NEW
            number = self.kept[row % len(self.kept)] if is_kept else self.connections.begin(shape, row)
            assert self.ledger.intent(row * 10, 0, Method.GET, shape, sent=row * 10 + 1, connection=number) == row
            self.ledger.progress(row, Progress.SENT)
            outcome = Outcome.RESET if row % 11 == 10 else Outcome.OK
            self.ledger.outcome(row, outcome, Progress.ANSWERED, done=row * 10 + 5, connection=number, status=200)
            if is_kept:
                self.carried += 1
                self.connections.record(number, shape, begun=1, reason=CloseReason.OPEN, requests=self.carried)
            else:
                self.connections.record(number, shape, begun=row, reason=CloseReason.BY_US, closed=row + 1, requests=1)

    def end(self) -> None:
        """Close the connections that stayed open, then the files."""
        for number in self.kept:
            self.connections.record(number, Shape.REUSED, begun=1, reason=CloseReason.PEER_FIN, closed=9_999)
        self.ledger.close()
        self.connections.close()


def name_of(handle: int) -> str:
    """Return the name of an open file."""
    return Path(f"/proc/self/fd/{handle}").readlink().name


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """Write a ledger of four sealed segments; return its folder."""
    directory = tmp_path / "sealed"
    writer, sealer = Writer(directory), SegmentSealer(directory, 0)
    for number in range(4):
        writer.send(SIZE)
        if number < 3:
            assert writer.rotation.rotate()
    writer.end()
    for _ in range(4):
        sealer.seal()
    return directory


def test_a_ledger_in_segments_is_read_as_one(tmp_path: Path) -> None:
    """Attempts and connections are the same as in a single file, in the same order, also in blocks."""
    whole, parts = Writer(tmp_path / "whole"), Writer(tmp_path / "parts")
    for count in (1, 30, 7, 12):
        whole.send(count)
        parts.send(count)
        assert parts.rotation.rotate()
    for writer in (whole, parts):
        writer.send(5)
        writer.end()
    one, several = tmp_path / "whole", tmp_path / "parts"

    assert len(paths_of(several, "ledger", 0)) == len(paths_of(several, "connections", 0)) == 5
    for kind, load in (("ledger", load_attempts), ("connections", load_connections)):
        expected, found = load([paths_of(one, kind, 0)]), load([paths_of(several, kind, 0)])
        assert found.tolist() == expected.tolist()
        assert len(found) > 30
    for kind, blocks in (("ledger", attempts_in), ("connections", connections_in)):
        numbers = [row["number"] for rows in blocks(paths_of(several, kind, 0)) for row in rows]
        assert numbers == [row["number"] for rows in blocks(paths_of(one, kind, 0)) for row in rows]


def test_more_open_connections_than_a_segment_has_room_for(tmp_path: Path) -> None:
    """All of them are carried over, and their later ends count."""
    writer = Writer(tmp_path / "traffic", chunk=4)
    writer.kept += [writer.connections.begin(Shape.REUSED, 3) for _ in range(50)]
    assert writer.rotation.rotate()
    writer.send(9)
    writer.end()
    rows = load_connections([paths_of(tmp_path / "traffic", "connections", 0)])

    assert rows["number"].tolist() == list(range(1, len(rows) + 1))
    assert set(rows["reason"][:52].tolist()) == {CloseReason.PEER_FIN}


def test_a_connection_that_had_ended_keeps_its_record(tmp_path: Path) -> None:
    """A late record of it is left out; it would be another row."""
    writer = Writer(tmp_path / "traffic")
    ended = writer.kept.pop()
    writer.connections.record(ended, Shape.REUSED, begun=2, reason=CloseReason.PEER_RST, closed=3)
    assert writer.rotation.rotate()
    writer.connections.record(ended, Shape.REUSED, begun=2, reason=CloseReason.BY_US, closed=4)
    writer.end()
    rows = load_connections([paths_of(tmp_path / "traffic", "connections", 0)])

    assert rows["reason"].tolist() == [CloseReason.PEER_FIN, CloseReason.PEER_RST]


def test_an_attempt_gets_its_outcome_in_its_own_segment(tmp_path: Path) -> None:
    """A segment is complete when its last attempt has an outcome, and never before an earlier segment."""
    writer = Writer(tmp_path / "traffic")
    late = writer.ledger.intent(0, 0, Method.GET, Shape.NEW, sent=1)
    writer.send(3)
    assert writer.rotation.rotate()
    writer.send(3)
    assert writer.rotation.rotate()
    writer.rotation.settle()
    assert writer.rotation.complete == 0

    writer.ledger.progress(late, Progress.PARTLY_ANSWERED)
    writer.ledger.outcome(late, Outcome.TIMEOUT_RESPONSE, Progress.PARTLY_ANSWERED, done=9)
    writer.rotation.settle()
    first = read_ledger(segment_path(tmp_path / "traffic", "ledger", 0, 0))

    assert writer.rotation.complete == 2
    assert first["number"].tolist() == [0, 1, 2, 3]
    assert (first["outcome"][late], first["progress"][late]) == (Outcome.TIMEOUT_RESPONSE, Progress.PARTLY_ANSWERED)


def test_a_tail_goes_on_in_the_next_segment(tmp_path: Path) -> None:
    """Each final row comes once, across segments; a row without an outcome holds back those after it."""
    writer, tail = Writer(tmp_path / "traffic"), LedgerTail(tmp_path / "traffic" / "ledger-0.npy")
    seen: list[int] = []
    for size in (5, 1, 9):
        writer.send(size)
        assert writer.rotation.rotate()
        seen += [number for rows in tail.settle() for number in rows["number"].tolist()]
    late = writer.ledger.intent(0, 0, Method.GET, Shape.NEW, sent=1)
    assert writer.rotation.rotate()
    writer.send(4)
    seen += [number for rows in tail.settle() for number in rows["number"].tolist()]
    waiting = tail.unsettled()["number"].tolist()
    writer.ledger.outcome(late, Outcome.OK, Progress.ANSWERED, done=9)
    writer.rotation.settle()
    seen += [number for rows in tail.settle() for number in rows["number"].tolist()]
    tail.close()

    assert waiting == [15, 16, 17, 18, 19]
    assert seen == list(range(20))
    assert tail.settled == 20


def test_sound_segments_have_no_damage(sealed: Path) -> None:
    """The seals fit, and count the attempts."""
    found = check_segments(sealed, 0)

    assert (found.sealed, found.attempts, found.damage) == (4, 4 * SIZE, ())
    assert sealed_part(sealed, 0) == SealedPart(segments=4, attempts=4 * SIZE)


def _edit(directory: Path) -> None:
    path = segment_path(directory, "ledger", 0, 1)
    content = bytearray(path.read_bytes())
    content[-80] ^= 1
    path.write_bytes(content)


def _edit_connections(directory: Path) -> None:
    path = segment_path(directory, "connections", 0, 1)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def _swap(directory: Path) -> None:
    one, two = (segment_path(directory, "ledger", 0, number) for number in (1, 2))
    contents = one.read_bytes(), two.read_bytes()
    two.write_bytes(contents[0])
    one.write_bytes(contents[1])


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    def harm(directory: Path) -> None:
        path = seals_path(directory, 0)
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return harm


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda d: segment_path(d, "ledger", 0, 1).unlink(), "segment 1 is missing"),
        (lambda d: segment_path(d, "ledger", 0, 3).unlink(), "segment 3 is missing, although it was sealed"),
        (lambda d: segment_path(d, "ledger", 0, 0).unlink(), "segment 0 is missing"),
        (lambda d: segment_path(d, "connections", 0, 2).unlink(), "segment 2 is missing"),
        (_edit, "segment 1 was changed after it was sealed: ledger-0.0001.npy"),
        (_edit_connections, "segment 1 was changed after it was sealed: connections-0.0001.npy"),
        (lambda d: os.truncate(segment_path(d, "ledger", 0, 2), 4096 + 80), "segment 2 was changed"),
        (
            lambda d: shutil.copy(segment_path(d, "ledger", 0, 1), segment_path(d, "ledger", 0, 2)),
            "segment 2 was changed",
        ),
        (_swap, "segment 2 was changed"),
        (_lines(lambda lines: [lines[0], *lines[2:]]), "where the seal of segment 1 belongs is that of segment 2"),
        (_lines(lambda lines: lines[1:]), "where the seal of segment 0 belongs is that of segment 1"),
        (
            _lines(lambda lines: [*lines[:2], lines[1], *lines[2:]]),
            "the seal of segment 2 belongs is that of segment 1",
        ),
        (_lines(lambda lines: [lines[0], lines[2], lines[1], lines[3]]), "belongs is that of segment 2"),
        (_lines(lambda lines: [*lines[:3], lines[3].replace(b'"attempts": 20', b'"attempts": 19')]), "3 is damaged"),
        (_lines(lambda lines: [*lines[:1], b"rubbish\n", *lines[2:]]), "the seal of segment 1 is damaged"),
        (lambda d: (d / "plan.json").write_text("another"), "the seal of segment 0 does not follow that of plan.json"),
    ],
)
def test_harm_to_a_sealed_segment_is_named(sealed: Path, harm: Callable[[Path], object], named: str) -> None:
    """A missing, changed, cut, repeated or moved segment, and the same of its seal."""
    harm(sealed)
    damage = check_segments(sealed, 0).damage

    assert any(named in text for text in damage), damage


def test_a_seal_of_another_chain_does_not_fit(sealed: Path, tmp_path: Path) -> None:
    """A segment that was sealed again after a change breaks the seal after it."""
    _edit(sealed)
    lines = seals_path(sealed, 0).read_bytes().splitlines(keepends=True)
    seals_path(sealed, 0).unlink()
    sealer = SegmentSealer(sealed, 0)
    sealer.seal()
    sealer.seal()
    with seals_path(sealed, 0).open("ab") as file:
        file.writelines(lines[2:])
    found = check_segments(sealed, 0)

    assert found.sealed == 2
    assert any("the seal of segment 2 does not follow that of segment 1" in text for text in found.damage)


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_torn_last_seal_is_no_seal(sealed: Path, kept: int) -> None:
    """A power cut in the middle of its line costs the last seal, and nothing else."""
    path = seals_path(sealed, 0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:kept])

    assert (check_segments(sealed, 0).sealed, check_segments(sealed, 0).damage) == (3, ())


def test_segments_after_the_last_seal_are_read_unsealed(tmp_path: Path) -> None:
    """The writer was killed after a rotation and before the seal: all rows are there, and nothing is damage."""
    writer, sealer = Writer(tmp_path / "t"), SegmentSealer(tmp_path / "t", 0)
    for _ in range(2):
        writer.send(SIZE)
        assert writer.rotation.rotate()
    writer.rotation.settle()
    sealer.seal()
    writer.send(3)
    found = check_segments(tmp_path / "t", 0)

    assert (found.sealed, found.attempts, found.damage) == (1, SIZE, ())
    assert load_attempts([paths_of(tmp_path / "t", "ledger", 0)])["number"].tolist() == list(range(2 * SIZE + 3))


def test_a_ledger_of_one_file_needs_no_seal(tmp_path: Path) -> None:
    """A short ledger has no segments and no seals of its own."""
    writer = Writer(tmp_path / "traffic")
    writer.send(3)
    writer.end()

    assert check_segments(tmp_path / "traffic", 0).damage == ()
    assert sorted(path.name for path in (tmp_path / "traffic").iterdir()) == [
        "connections-0.npy", "ledger-0.npy", "plan.json",
    ]  # fmt: skip


@pytest.mark.parametrize("file", ["ledger", "connections"])
def test_without_room_for_a_segment_the_present_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """No attempt is refused as long as the present file has room, no file is left over, and a later try succeeds."""
    writer = Writer(tmp_path / "traffic", chunk=1_000)
    writer.send(4)
    allocate = os.posix_fallocate

    def refuse(handle: int, offset: int, length: int) -> None:
        if f".{file}-0.0001" in name_of(handle):
            raise OSError(errno.ENOSPC, "No space left on device")
        allocate(handle, offset, length)

    with monkeypatch.context() as full:
        full.setattr(os, "posix_fallocate", refuse)
        assert not writer.rotation.rotate()
        writer.send(4)
    names = {path.name for path in (tmp_path / "traffic").iterdir()}
    assert writer.rotation.rotate()
    writer.send(4)
    writer.end()

    assert names == {"ledger-0.npy", "connections-0.npy", "plan.json"}
    assert load_attempts([paths_of(tmp_path / "traffic", "ledger", 0)])["number"].tolist() == list(range(12))


def test_a_seal_that_does_not_fit_on_the_disk_is_written_later(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line is taken back, so that the next seal does not follow rubbish."""
    directory = tmp_path / "again"
    shutil.copytree(sealed, directory)
    seals_path(directory, 0).unlink()
    sealer, write = SegmentSealer(directory, 0), os.write
    sealer.seal()
    first = seals_path(directory, 0).read_bytes()

    def half(handle: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[:-50])

    with monkeypatch.context() as full:
        full.setattr(os, "write", half)
        with pytest.raises(HarnessError, match="No room on disk"):
            sealer.seal()
    assert seals_path(directory, 0).read_bytes() == first

    for _ in range(3):
        sealer.seal()
    assert seals_path(directory, 0).read_bytes() == seals_path(sealed, 0).read_bytes()


def test_a_first_seal_whose_folder_is_not_flushed_is_taken_back(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its seal would stay, and that of the next try would not follow it."""
    directory = tmp_path / "again"
    shutil.copytree(sealed, directory)
    seals_path(directory, 0).unlink()
    sealer = SegmentSealer(directory, 0)

    def refuse(_path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(seal_lines, "sync_folder", refuse)
        with pytest.raises(HarnessError):
            sealer.seal()
    assert seals_path(directory, 0).read_bytes() == b""

    for _ in range(4):
        sealer.seal()
    assert seals_path(directory, 0).read_bytes() == seals_path(sealed, 0).read_bytes()


def test_a_segment_is_on_disk_before_its_seal(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files and their folder are flushed before the seal is written, and the seal after it."""
    seals_path(sealed, 0).unlink()
    done: list[str] = []
    flush, write = os.fsync, os.write

    def noted_flush(handle: int) -> None:
        done.append(f"flush {name_of(handle)}")
        flush(handle)

    def noted_write(handle: int, data: bytes) -> int:
        done.append(f"write {name_of(handle)}")
        return write(handle, data)

    monkeypatch.setattr(os, "fsync", noted_flush)
    monkeypatch.setattr(os, "write", noted_write)
    SegmentSealer(sealed, 0).seal()

    assert done == [
        "flush ledger-0.npy", "flush connections-0.npy", "flush sealed",
        "write segments-0.jsonl", "flush segments-0.jsonl", "flush sealed",
    ]  # fmt: skip


def test_names_of_segments(tmp_path: Path) -> None:
    """The first one has the name of a ledger in one file, and names sort by number."""
    paths = [segment_path(tmp_path, "ledger", 3, number) for number in (0, 1, 2, 10_000)]

    assert [path.name for path in paths] == [
        "ledger-3.npy", "ledger-3.0001.npy", "ledger-3.0002.npy", "ledger-3.10000.npy",
    ]  # fmt: skip
    assert next_segment(paths[0]) == paths[1]
    assert next_segment(paths[1]) == paths[2]
    assert next_segment(segment_path(tmp_path, "ledger", 3, 9_999)) == paths[3]
