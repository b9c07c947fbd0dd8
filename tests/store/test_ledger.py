"""Tests that the ledger keeps every intent, whatever happens to its writer."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.errors import EvidenceError, HarnessError
from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import ConnectionLedger, LedgerFullError, LedgerWriter, read_connections, read_ledger
from harness.store.ledger_format import ATTEMPT, CONNECTION, NEVER
from harness.store.ledger_tail import LedgerTail

ORIGIN = 5_000

#: Writes rows until it is killed, and after each one writes the number of intents and outcomes to a pipe.
ENDLESS = """
import sys
from pathlib import Path
from harness.model.attempt import Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import LedgerWriter
ledger = LedgerWriter(Path(sys.argv[1]), origin_ns=0, chunk=64)
while True:
    row = ledger.intent(7, 1, Method.POST, Shape.REUSED, sent=8)
    sys.stdout.write(f"{row + 1} {row}\\n")
    sys.stdout.flush()
    ledger.outcome(row, Outcome.OK, Progress.ANSWERED, done=9)
    sys.stdout.write(f"{row + 1} {row + 1}\\n")
    sys.stdout.flush()
"""

#: Writes rows with a limit on file sizes, which the operating system enforces like a full disk.
FULL_DISK = """
import resource, sys
from pathlib import Path
from harness.model.attempt import Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import LedgerFullError, LedgerWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (4096 + 80 * 100, 4096 + 80 * 100))
ledger = LedgerWriter(Path(sys.argv[1]), origin_ns=0, chunk=64)
try:
    while True:
        row = ledger.intent(7, 1, Method.POST, Shape.REUSED, sent=8)
        ledger.outcome(row, Outcome.OK, Progress.ANSWERED, done=9)
except LedgerFullError as error:
    print(error)
    ledger.outcome(row, Outcome.RESET, Progress.SENT, done=10)
"""


def test_a_row_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """All fields are kept, with times relative to the start."""
    with_all = LedgerWriter(tmp_path / "l.npy", origin_ns=ORIGIN, worker=3)
    row = with_all.intent(100, 2, Method.POST, Shape.REUSED, sent=ORIGIN + 150, connection=9, carried=4)
    with_all.outcome(
        row, Outcome.STATUS, Progress.ANSWERED,
        connected=ORIGIN + 160, first_byte=ORIGIN + 170, done=ORIGIN + 180,
        connection=9, carried=4, port=40_000, bytes_out=120, bytes_in=300, errno=5, status=503, responder=6,
    )  # fmt: skip
    with_all.close()

    (record,) = read_ledger(tmp_path / "l.npy")
    assert {name: record[name].item() for name in ATTEMPT.names or () if name != "spare"} == {
        "number": 0, "planned": 100, "sent": 150, "connected": 160, "first_byte": 170, "done": 180,
        "connection": 9, "bytes_out": 120, "bytes_in": 300, "errno": 5, "carried": 4, "status": 503, "responder": 6,
        "port": 40_000, "worker": 3, "route": 2, "method": 1, "shape": 1, "outcome": 2, "progress": 4, "written": 1,
    }  # fmt: skip


def test_an_intent_alone_is_an_unfinished_attempt(tmp_path: Path) -> None:
    """Without an outcome the row is unfinished, with its known progress, and never a success."""
    ledger = LedgerWriter(tmp_path / "l.npy", origin_ns=ORIGIN)
    ledger.progress(ledger.intent(1, 0, Method.GET, Shape.NEW, sent=ORIGIN + 2), Progress.SENT)

    (record,) = read_ledger(tmp_path / "l.npy")
    assert (record["outcome"], record["progress"]) == (Outcome.UNFINISHED, Progress.SENT)
    assert (record["sent"], record["done"], record["first_byte"]) == (2, NEVER, NEVER)


def test_the_file_can_be_loaded_at_every_moment_of_its_growth(tmp_path: Path) -> None:
    """Plain ``numpy.load`` works after each intent, across many chunks, with all rows so far."""
    path = tmp_path / "l.npy"
    ledger = LedgerWriter(path, origin_ns=0, chunk=3)
    for count in range(20):
        loaded = np.load(path, mmap_mode="r")
        assert loaded["written"].sum() == count
        ledger.intent(count, 0, Method.GET, Shape.NEW, sent=count)
    ledger.close()

    assert np.load(path)["planned"].tolist() == list(range(20))


@pytest.mark.processes
def test_nothing_is_lost_by_kill_9(tmp_path: Path) -> None:
    """The file has every intent and outcome that the killed process had recorded."""
    path = tmp_path / "l.npy"
    with subprocess.Popen([sys.executable, "-c", ENDLESS, path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(1000)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += [line for line in writer.stdout if line.endswith("\n")]
    intents, outcomes = map(int, lines[-1].split())
    rows = read_ledger(path)

    # It may have stored one more than it could report.
    assert len(rows) - intents in {0, 1}
    assert np.count_nonzero(rows["outcome"] == Outcome.OK) - outcomes in {0, 1}
    assert rows["number"].tolist() == list(range(len(rows)))
    assert set(rows["outcome"][:outcomes].tolist()) == {Outcome.OK}


@pytest.mark.processes
def test_a_full_disk_is_an_error_and_loses_no_record(tmp_path: Path) -> None:
    """Without room for a chunk, intents are refused; outcomes of existing rows can still be stored."""
    path = tmp_path / "l.npy"
    done = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=True)
    rows = read_ledger(path)

    assert "No room on disk" in done.stdout
    assert rows["outcome"].tolist() == [Outcome.OK] * 63 + [Outcome.RESET]


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger without room for its first chunk is refused with a clear message."""

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(HarnessError, match="No room"):
        LedgerWriter(tmp_path / "l.npy", origin_ns=0)

    assert list(tmp_path.iterdir()) == []


def test_room_is_allocated_and_not_sparse(tmp_path: Path) -> None:
    """Every byte of the file has a block on disk, so a store can't hit a full disk."""
    path = tmp_path / "l.npy"
    ledger = LedgerWriter(path, origin_ns=0, chunk=4096)
    stat = path.stat()
    ledger.close()

    assert stat.st_blocks * 512 >= stat.st_size > 4096 * ATTEMPT.itemsize


def test_the_connection_ledger_counts_from_one(tmp_path: Path) -> None:
    """A connection is recorded before it is opened, and with its end afterwards."""
    ledger = ConnectionLedger(tmp_path / "c.npy", origin_ns=ORIGIN, worker=2, chunk=1)
    numbers = [ledger.begin(Shape.REUSED, ORIGIN + n) for n in (1, 2)]
    ledger.record(
        2, Shape.REUSED, begun=ORIGIN + 2, connected=ORIGIN + 3, closed=ORIGIN + 9,
        reason=CloseReason.PEER_RST, requests=5, port=41_000, errno=errno.ECONNRESET,
    )  # fmt: skip
    ledger.close()
    rows = read_connections(tmp_path / "c.npy")

    assert numbers == [1, 2]
    assert rows["reason"].tolist() == [CloseReason.OPEN, CloseReason.PEER_RST]
    assert [rows[name][1].item() for name in CONNECTION.names or () if name != "spare"] == [
        2, 2, 3, 9, 5, 41_000, 2, Shape.REUSED, CloseReason.PEER_RST, errno.ECONNRESET, 1,
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"no ledger", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged file is an error that names it, not an empty ledger."""
    path = tmp_path / "l.npy"
    path.write_bytes(content)

    with pytest.raises(EvidenceError, match=r"l\.npy"):
        read_ledger(path)


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    """Rows of another layout are never read as the current one."""
    np.save(tmp_path / "l.npy", np.zeros(1, CONNECTION))

    with pytest.raises(EvidenceError, match="version"):
        read_ledger(tmp_path / "l.npy")


def test_a_full_disk_has_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender can distinguish a full disk from other errors, and stop planning."""
    ledger = LedgerWriter(tmp_path / "l.npy", origin_ns=0, chunk=1)
    ledger.intent(0, 0, Method.GET, Shape.NEW)

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(LedgerFullError):
        ledger.intent(1, 0, Method.GET, Shape.NEW)
    assert len(read_ledger(tmp_path / "l.npy")) == 1


def test_the_tail_gives_each_row_once_when_it_is_final(tmp_path: Path) -> None:
    """Rows after an unfinished one wait for it, no row is given twice, and the cut at the end does no harm."""
    tail = LedgerTail(tmp_path / "l.npy")
    assert [rows for rows in tail.settle() if len(rows)] == []
    ledger = LedgerWriter(tmp_path / "l.npy", origin_ns=0, chunk=8)
    for number in range(10):
        ledger.intent(number, 0, Method.GET, Shape.NEW, sent=number)
    for number in (0, 1, 3):
        ledger.outcome(number, Outcome.OK, Progress.ANSWERED)

    def numbers() -> list[int]:
        return [int(n) for rows in tail.settle() for n in rows["number"]]

    assert (numbers(), numbers()) == ([0, 1], [])
    assert tail.unsettled()["outcome"].tolist() == [0, Outcome.OK, 0, 0, 0, 0, 0, 0]
    for number in range(2, 10):
        ledger.outcome(number, Outcome.OK, Progress.ANSWERED)
    ledger.close()
    assert numbers() == list(range(2, 10))
    tail.close()
