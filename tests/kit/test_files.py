"""Files are written completely or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.kit import files
from harness.kit.files import expendable, open_log, tail, write_text


def test_written_file_is_whole_and_alone(tmp_path: Path) -> None:
    """Folders are created, and no temporary file is left."""
    write_text(tmp_path / "a" / "b.txt", "ä\n")

    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "ä\n"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_full_disk_is_a_clear_error_and_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file, and the old content is unchanged."""
    path = tmp_path / "verdict.json"
    write_text(path, "old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HarnessError, match=r"No room on disk for .*verdict\.json"):
        write_text(path, "new")

    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["verdict.json"]


def test_a_file_where_a_folder_should_be_is_a_clear_error(tmp_path: Path) -> None:
    """Any other OSError is a HarnessError as well."""
    (tmp_path / "file").write_text("")

    with pytest.raises(HarnessError, match="Could not write"):
        write_text(tmp_path / "file" / "x", "y")


def test_tail_gives_last_lines_of_a_large_file(tmp_path: Path) -> None:
    """Only the end is read. A missing file has no lines."""
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}\n" for n in range(20_000)))

    assert tail(path, 2) == "line 19998\nline 19999"
    assert tail(tmp_path / "none") == ""


def test_a_log_that_cannot_be_opened_goes_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The child gets the null device, and the loss is reported once for all logs."""
    monkeypatch.setattr(files, "_reported", set())
    for name in ("one.log", "two.log"):
        (tmp_path / name).mkdir()
        with open_log(tmp_path / name) as log:
            log.write(b"said")

        assert tail(tmp_path / name) == ""
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "one.log" in caplog.text


def test_a_log_is_appended_to(tmp_path: Path) -> None:
    """Its folder is created, and output of an earlier child stays."""
    for text in (b"one\n", b"two\n"):
        with open_log(tmp_path / "logs" / "child.log") as log:
            log.write(text)

    assert tail(tmp_path / "logs" / "child.log") == "one\ntwo"


@pytest.mark.parametrize("remove", [True, False])
def test_half_a_log_is_removed_where_it_would_mislead(tmp_path: Path, *, remove: bool) -> None:
    """An incomplete log is removed, but a file that can't be removed stays."""
    path = tmp_path / "access.jsonl"
    with expendable(path, remove=remove):
        path.write_text("half")
        raise OSError(errno.ENOSPC, "no room")

    assert path.exists() is not remove


def test_only_a_failed_write_is_expendable(tmp_path: Path) -> None:
    """A bug is raised."""
    with pytest.raises(ZeroDivisionError), expendable(tmp_path / "x"):
        raise ZeroDivisionError
