"""Files with one JSON object per line: which lines are read."""

from __future__ import annotations

from pathlib import Path

from harness.store.json_lines import read_json_lines


def test_lines_that_cannot_be_parsed_are_left_out(tmp_path: Path) -> None:
    """A torn last line, text, and what is no object are left out."""
    log = tmp_path / "backends-0.jsonl"
    log.write_text('{"a":1}\n{"a": 2}\nno JSON\n[3]\n{"a":4,"b":"sta')

    assert [line["a"] for line in read_json_lines(log)] == [1, 2]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    """Not every trial has such a file."""
    assert list(read_json_lines(tmp_path / "none")) == []
