"""Tests of the timeline on disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from harness.errors import EvidenceError, HarnessError
from harness.model.timeline import Event, EventKind
from harness.store.timeline import TimelineWriter, read_timeline


def event(n: int, thread: int = 0) -> Event:
    """Return an event that differs from others."""
    return Event(n, EventKind.POD, f"pod-{thread}", "ready", {"text": "ä" * 50})


def test_events_of_many_threads_are_whole_lines(tmp_path: Path) -> None:
    """Threads that record at the same time never mix their lines, and the order of each thread is kept."""
    path = tmp_path / "trial" / "timeline.jsonl"
    with TimelineWriter(path) as timeline:

        def record(thread: int) -> None:
            for n in range(100):
                timeline.record(event(n, thread))

        threads = [Thread(target=record, args=(k,), name=f"recorder {k}") for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    events = read_timeline(path)

    assert len(events) == 400
    for k in range(4):
        assert [e for e in events if e.subject == f"pod-{k}"] == [event(n, k) for n in range(100)]


@pytest.mark.processes
def test_kill_9_keeps_every_recorded_event(tmp_path: Path) -> None:
    """Events recorded before SIGKILL can be read afterwards."""
    script = (
        "import os, sys; from pathlib import Path; from harness.store.timeline import TimelineWriter;"
        "from harness.model.timeline import Event, EventKind; t = TimelineWriter(Path(sys.argv[1]));"
        "[t.record(Event(n, EventKind.POD, 'p', 'ready')) for n in range(7)]; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "t")], check=False)

    assert done.returncode == -9
    assert [e.at for e in read_timeline(tmp_path / "t")] == list(range(7))


def test_an_incomplete_last_line_is_ignored(tmp_path: Path) -> None:
    """A line cut off by a full disk does not make the rest unreadable."""
    path = tmp_path / "t"
    with TimelineWriter(path) as timeline:
        timeline.record(event(1))
        timeline.record(event(2))
    os.truncate(path, path.stat().st_size - 5)

    assert read_timeline(path) == (event(1),)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """A line within the file that is no event is damage, named by its number."""
    path = tmp_path / "t"
    with TimelineWriter(path) as timeline:
        timeline.record(event(1))
    path.write_text(path.read_text() + "{}\n")

    with pytest.raises(EvidenceError, match=r"t:2: Event: Event lacks its field"):
        read_timeline(path)
    path.write_text("nonsense\n")
    with pytest.raises(EvidenceError, match=r"t:1: this line is not JSON"):
        read_timeline(path)


def test_a_missing_timeline_is_missing_evidence(tmp_path: Path) -> None:
    """No file is not the same as no events."""
    with pytest.raises(EvidenceError, match="There is no timeline"):
        read_timeline(tmp_path / "t")


def test_a_full_disk_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says that there is no room."""

    def full(_handle: int, _line: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with TimelineWriter(tmp_path / "t") as timeline:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(HarnessError, match="No room on disk"):
            timeline.record(event(1))
        monkeypatch.undo()


def test_a_closed_timeline_refuses_events(tmp_path: Path) -> None:
    """A thread that records after the end gets an error."""
    with TimelineWriter(tmp_path / "t") as timeline:
        pass

    with pytest.raises(HarnessError):
        timeline.record(event(1))
