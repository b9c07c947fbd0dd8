"""The file of a history: written once per run, merged by Git, and never read wrongly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import EvidenceError, HarnessError
from harness.kit.locks import held
from harness.model.history import VERSION, HistoryEntry
from harness.model.verdict import Verdict
from harness.store.history import FILE, append_history, read_history

ENTRY = HistoryEntry(
    version=VERSION,
    run="0123456789abcdef",
    started="2026-01-02T03:00:00+00:00",
    directory="tonight",
    commit="c0ffee",
    experiment="shop",
    cell="bare--restart",
    configuration="bare",
    change="restart",
    verdict=Verdict.LOSSY,
    expected="lossless",
    bad=1,
    good=0,
    unknown=0,
    sent=100,
    lost=3,
    cut=0,
    p99_ms=4.5,
    versions={"harness": "0.1.0"},
)
OTHER = replace(ENTRY, cell="graceful--restart", verdict=Verdict.LOSSLESS)


def test_entries_are_read_as_written(tmp_path: Path) -> None:
    """One line each; the folder is created."""
    folder = tmp_path / "new"

    assert append_history(folder, [ENTRY, OTHER]) == 2
    assert read_history(folder) == (ENTRY, OTHER)
    assert len((folder / FILE).read_text().splitlines()) == 2


def test_a_folder_that_cannot_be_created_is_no_bug_of_the_harness(tmp_path: Path) -> None:
    """A file is in its place, as good as a read-only file system: the message names the folder."""
    folder = tmp_path / "taken"
    folder.write_text("a file")

    with pytest.raises(HarnessError, match=r"Could not write .*taken: "):
        append_history(folder, [ENTRY])


def test_a_run_is_added_once(tmp_path: Path) -> None:
    """Adding it again changes no byte."""
    append_history(tmp_path, [ENTRY])
    before = (tmp_path / FILE).read_bytes()

    assert append_history(tmp_path, [ENTRY]) == 0
    assert (tmp_path / FILE).read_bytes() == before
    assert append_history(tmp_path, [ENTRY, OTHER]) == 1


def test_lines_that_a_merge_has_doubled_count_once(tmp_path: Path) -> None:
    """Two branches may have added the same run."""
    append_history(tmp_path, [ENTRY])
    line = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(line + "\n" + line)

    assert read_history(tmp_path) == (ENTRY,)


def test_a_line_of_an_earlier_harness_is_read(tmp_path: Path) -> None:
    """It has its version under the former name. The next run that is added writes it under the new one."""
    append_history(tmp_path, [ENTRY])
    line = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(line.replace('"version"', '"format"'))
    before = read_history(tmp_path)
    append_history(tmp_path, [OTHER])

    assert before == (ENTRY,)
    assert (tmp_path / FILE).read_text().startswith(line)


def test_no_history_is_empty(tmp_path: Path) -> None:
    """The first run creates it."""
    assert read_history(tmp_path) == ()


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("<<<<<<< HEAD", "no JSON"),
        ("[]", "reads version 1, not None"),
        (json.dumps({"version": VERSION + 1}), "reads version 1, not 2"),
        (json.dumps({"version": VERSION}), "lacks its field"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, word: str) -> None:
    """A trend without it would be another trend. Nothing is added either."""
    append_history(tmp_path, [ENTRY])
    with (tmp_path / FILE).open("a") as file:
        file.write(line + "\n")

    with pytest.raises(EvidenceError, match=rf"history\.jsonl:2: .*{word}"):
        read_history(tmp_path)
    with pytest.raises(EvidenceError):
        append_history(tmp_path, [OTHER])


def test_two_processes_do_not_write_at_once(tmp_path: Path) -> None:
    """The second is refused, and loses nothing."""
    with held(tmp_path), pytest.raises(HarnessError, match="another process"):
        append_history(tmp_path, [ENTRY])
    assert append_history(tmp_path, [ENTRY]) == 1
