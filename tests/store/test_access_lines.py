"""Lines of an access log: which are parsed, and the tries in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.access_lines import attempt_in, read_lines, split_tries


def test_only_wanted_lines_are_parsed(tmp_path: Path) -> None:
    """A torn last line and lines of others are left out."""
    log = tmp_path / "access.jsonl"
    log.write_text('{"attempt":"a-0-1","status":502}\n{"attempt": "a-0-2"}\nno JSON\n{"attempt":"a-0-1","sta')

    assert [line["status"] for line in read_lines(log, {"a-0-1"}.__contains__)] == [502]
    assert len(list(read_lines(log))) == 2


def test_a_missing_log_has_no_lines(tmp_path: Path) -> None:
    """Not every trial has an access log."""
    assert list(read_lines(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("text", "attempt"),
    [('{"attempt":"a-0-1","x":1}', "a-0-1"), ('{"x":1,"attempt": "b-1-2"}', "b-1-2"), ('{"x":1}', "")],
)
def test_the_id_is_found_without_parsing(text: str, attempt: str) -> None:
    """Most lines of a log are not needed, and parsing each would take long."""
    assert attempt_in(text) == attempt


@pytest.mark.parametrize(
    ("value", "tries"),
    [
        ("127.0.0.1:80", ("127.0.0.1:80",)),
        ("127.0.0.1:80, 127.0.0.2:80", ("127.0.0.1:80", "127.0.0.2:80")),
        ("127.0.0.1:80 : 127.0.0.2:80", ("127.0.0.1:80", "127.0.0.2:80")),
        ("", ()),
        (None, ()),
        ("502, -", ("502", "-")),
    ],
)
def test_tries_are_split_as_nginx_writes_them(value: str | None, tries: tuple[str, ...]) -> None:
    """A comma stands between tries, and a colon with spaces around an internal redirect."""
    assert split_tries(value) == tries
