"""Files that are sent to the master: readable at every moment, complete at the end, whatever happens to the pieces."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_ledger
from harness.store.mapped import HEADER
from harness.traffic.distributed import file_sync as mirror
from harness.traffic.distributed.file_sync import SYNCED_FILES, FileReceiver, GrowingFile, Piece, close_for, whole


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send unacknowledged pieces again at the next call."""
    monkeypatch.setattr(mirror, "RESEND", 0.0)


def ledger_at(directory: Path) -> LedgerWriter:
    """A worker's ledger."""
    return LedgerWriter(directory / "ledger-3.npy", origin_ns=0, worker=3, chunk=1024)


def attempts(ledger: LedgerWriter, count: int, *, open_: bool = False) -> list[int]:
    """Record attempts; returns their rows."""
    rows = [ledger.intent(number, 0, Method.GET, Shape.NEW, sent=1) for number in range(count)]
    for row in [] if open_ else rows:
        ledger.outcome(row, Outcome.OK, Progress.ANSWERED, done=2)
    return rows


def carry(sender: GrowingFile, home: FileReceiver) -> int:
    """Everything that is to be sent now, sent and acknowledged; returns how many pieces that were."""
    pieces = list(sender.pieces())
    for piece in pieces:
        if home.take(piece):
            sender.acknowledged(piece.offset, piece.digest)
    return len(pieces)


def test_a_ledger_arrives_byte_for_byte(tmp_path: Path) -> None:
    """While it grows and after it is closed; what is home and final is not looked at again."""
    (tmp_path / "home").mkdir()
    ledger, home = ledger_at(tmp_path), FileReceiver(tmp_path / "home", 3)
    sender = GrowingFile("ledger", tmp_path, 3)
    attempts(ledger, 1500)
    open_rows = attempts(ledger, 20, open_=True)
    assert carry(sender, home) == 3
    assert len(read_ledger(tmp_path / "home" / "ledger-3.npy")) == 1520
    assert carry(sender, home) == 0
    for row in open_rows:
        ledger.outcome(row, Outcome.CLOSED, Progress.SENT, done=9)
    assert carry(sender, home) == 1
    ledger.close()
    carry(sender, home)

    assert (tmp_path / "home" / "ledger-3.npy").read_bytes() == (tmp_path / "ledger-3.npy").read_bytes()
    assert home.differences({"ledger": whole(tmp_path / "ledger-3.npy")}) == []
    assert sender.missing == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.floats(0, 0.6), st.integers(0, 3000))
def test_lost_spoilt_and_disordered_pieces_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, bad: float, count: int
) -> None:
    """Pieces and acknowledgements get lost, come twice, in any order, or with a flipped bit: the file is the same."""
    directory = tmp_path_factory.mktemp("worker")
    (directory / "home").mkdir()
    ledger, home = ledger_at(directory), FileReceiver(directory / "home", 3)
    sender = GrowingFile("ledger", directory, 3)
    left = count
    while left or list(sender.pieces()):
        step = min(left, chance.randrange(1, 900))
        attempts(ledger, step)
        left -= step
        pieces = [piece for piece in sender.pieces() for _ in range(chance.choice([1, 1, 2]))]
        chance.shuffle(pieces)
        for piece in pieces:
            fate = chance.random()
            if fate < bad / 2:
                continue
            arrived = piece if fate > bad else replace(piece, data=b"\xff" + piece.data[1:])
            if home.take(arrived) and chance.random() > bad:
                sender.acknowledged(piece.offset, piece.digest)
        found = directory / "home" / "ledger-3.npy"
        if found.exists():
            rows = np.load(found)
            assert (rows["written"] == 1).all()
            assert rows["number"].tolist() == list(range(len(rows)))
    ledger.close()

    assert home.differences({"ledger": whole(directory / "ledger-3.npy")}) == []


def test_a_spoilt_piece_is_not_written(tmp_path: Path) -> None:
    """One flipped bit in transit: the checksum shows it, and the piece is not acknowledged."""
    home, piece = FileReceiver(tmp_path, 0), Piece.of("journal", 0, b'{"event": "ready"}\n')

    assert not home.take(replace(piece, data=b"[" + piece.data[1:]))
    assert (home.spoilt, list(tmp_path.iterdir())) == (1, [])
    assert home.take(piece)


def test_a_file_at_the_master_has_no_hole(tmp_path: Path) -> None:
    """A piece that overtakes the one before it must be sent again: zeroes in between would look like the end."""
    home = FileReceiver(tmp_path, 0)
    size = mirror._ROWS * SYNCED_FILES["ledger"].dtype.itemsize  # type: ignore[union-attr]  # it has rows

    assert not home.take(Piece.of("ledger", HEADER + size, b"x" * 80))


def test_a_different_file_at_the_master_is_found(tmp_path: Path) -> None:
    """The last step compares whole files: one byte changed, and no piece explains it."""
    home = FileReceiver(tmp_path, 0)
    home.take(Piece.of("journal", 0, b"right"))
    (tmp_path / "traffic-0.jsonl").write_bytes(b"wrong")
    (tmp_path / "there").write_bytes(b"right")

    assert home.differences({"journal": whole(tmp_path / "there")}) == ["traffic-0.jsonl"]
    assert home.differences({"calibration": (1, "")}) == ["calibration-0.json"]


def test_a_kind_that_nobody_knows_is_not_written(tmp_path: Path) -> None:
    """A worker can't choose the names of files on the master's side."""
    assert not FileReceiver(tmp_path, 0).take(Piece.of("../../passwd", 0, b"x"))


def test_an_empty_ledger_arrives_too(tmp_path: Path) -> None:
    """A worker that sent nothing has a ledger without rows, and so has the master."""
    (tmp_path / "home").mkdir()
    ledger_at(tmp_path).close()

    assert FileReceiver(tmp_path / "home", 3).differences({"ledger": whole(tmp_path / "ledger-3.npy")}) == []


def test_open_connections_are_read_until_they_are_closed(tmp_path: Path) -> None:
    """A connection that is open for the whole trial is sent again when it ends, after thousands of others."""
    (tmp_path / "home").mkdir()
    ledger = ConnectionLedger(tmp_path / "connections-3.npy", origin_ns=0, worker=3)
    home, sender = FileReceiver(tmp_path / "home", 3), GrowingFile("connections", tmp_path, 3)
    first = ledger.begin(Shape.REUSED, 1)
    for _ in range(1200):
        number = ledger.begin(Shape.NEW, 1)
        ledger.record(number, Shape.NEW, begun=1, reason=CloseReason.BY_US, closed=2)
    while carry(sender, home):
        pass
    ledger.record(first, Shape.REUSED, begun=1, reason=CloseReason.PEER_RST, closed=3)
    assert carry(sender, home) == 1
    ledger.close()

    assert home.differences({"connections": whole(tmp_path / "connections-3.npy")}) == []


def test_the_ledger_of_a_killed_worker_is_closed_for_it(tmp_path: Path) -> None:
    """Room that it had allocated and not used is given back; its rows stay as they are."""
    ledger = ledger_at(tmp_path)
    attempts(ledger, 7)
    before = read_ledger(tmp_path / "ledger-3.npy").tolist()
    close_for(tmp_path, 3)

    assert np.load(tmp_path / "ledger-3.npy").shape == (7,)
    assert read_ledger(tmp_path / "ledger-3.npy").tolist() == before
