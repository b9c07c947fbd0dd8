"""Times of log lines, from the sizes of files at regular times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.localkube.api.log_times import Growth, LogTimes, Stamper, stamp_of
from harness.localkube.api.logs import LogOptions, read_log

SECOND = 1_000_000_000
POD: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of three lines; the second one was written in two pieces."""
    path = tmp_path / "default_p_c.log"
    path.write_text("one\ntwo\nthree\n")
    return path


@pytest.fixture
def growth() -> Growth:
    """Return the growth of the log: ``one`` at 1 s, ``tw`` at 2 s, the rest at 3 s."""
    found = Growth()
    for size, seconds in ((4, 1), (4, 2), (6, 2), (14, 3)):
        found.add(size, seconds * SECOND)
    return found


def read(path: Path, growth: Growth, ended: Callable[[], bool] = lambda: True, **options: Any) -> str:
    """Return what a request with these options reads."""

    async def collect() -> bytes:
        return b"".join([piece async for piece in read_log(path, LogOptions("c", **options), growth, ended)])

    return asyncio.run(collect()).decode()


@pytest.mark.parametrize(
    ("since", "shown"),
    [(0, "one\ntwo\nthree\n"), (1, "one\ntwo\nthree\n"), (2, "two\nthree\n"), (3, "three\n"), (4, "")],
)
def test_lines_since_a_time(log: Path, growth: Growth, since: int, shown: str) -> None:
    """A line belongs to the time at which its first byte was seen."""
    assert read(log, growth, since_ns=since * SECOND) == shown


def test_each_line_has_the_time_of_its_first_byte(log: Path, growth: Growth) -> None:
    """The bytes of one line may have been written at two times."""
    text = read(log, growth, timestamps=True)

    assert text.splitlines() == [
        "1970-01-01T00:00:01.000000000Z one",
        "1970-01-01T00:00:02.000000000Z two",
        "1970-01-01T00:00:03.000000000Z three",
    ]


def test_options_together(log: Path, growth: Growth) -> None:
    """The later one of both starting points counts, and the limit counts what is sent."""
    assert read(log, growth, since_ns=2 * SECOND, tail=1) == "three\n"
    assert read(log, growth, since_ns=3 * SECOND, tail=3) == "three\n"
    assert read(log, growth, timestamps=True, limit=12) == "1970-01-01T0"


def test_a_line_that_no_look_has_seen(tmp_path: Path) -> None:
    """It is newer than every look, so no time leaves it out."""
    path = tmp_path / "new.log"
    path.write_text("new")

    assert read(path, LogTimes(tmp_path).of(path), since_ns=5 * SECOND) == "new"


def test_a_followed_log_gets_times_as_well(log: Path, growth: Growth) -> None:
    """New lines of a followed log come with their times; a line without an end comes last."""

    def ended() -> bool:
        with log.open("a") as file:
            file.write("four")
        growth.add(18, 4 * SECOND)
        return True

    assert read(log, growth, ended, follow=True, timestamps=True).endswith("1970-01-01T00:00:04.000000000Z four")


def test_looks_at_a_folder(tmp_path: Path) -> None:
    """Sizes are taken of logs alone; a log that is gone, or begins again, has no old times."""
    times, path = LogTimes(tmp_path / "pods"), tmp_path / "pods" / "a.log"
    times.look(1)
    path.parent.mkdir()
    path.write_text("12345")
    (path.parent / "a.receipts").write_text("x")
    times.look(2)
    seen = times.of(path)
    path.write_text("123")
    times.look(3)
    begun_again = times.of(path).time_of(0, 9)
    path.unlink()
    times.look(4)

    assert (list(seen.sizes), begun_again) == ([3], 3)
    assert times.of(path).time_of(0, 9) == 9
    assert times.of(path.with_name("a.receipts")).time_of(0, 9) == 9


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ({}, 0),
        ({"sinceTime": "1970-01-01T00:00:02Z"}, 2 * SECOND),
        ({"sinceTime": "1970-01-01T01:00:02+01:00"}, 2 * SECOND),
    ],
)
def test_the_option_since(query: dict[str, str], since: int) -> None:
    """A time has its zone."""
    assert LogOptions.parse(POD, query).since_ns == since


def test_a_stamp_has_nine_digits() -> None:
    """As kubectl shows it, in UTC."""
    assert stamp_of(1_500_000_000 * SECOND + 7) == "2017-07-14T02:40:00.000000007Z"
    assert Stamper(Growth(), 0).end() == b""
