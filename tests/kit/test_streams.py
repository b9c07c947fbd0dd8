"""Lost output has no effect: each way in which a write can fail is handled in one place."""

from __future__ import annotations

import contextlib
import errno
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.kit import streams
from harness.kit.streams import ForgivingFile

pytestmark = pytest.mark.processes

BLOCK = b"x" * 65536


@pytest.fixture
def owned() -> Iterator[list[int]]:
    """Return descriptors of the test, which are closed afterwards."""
    numbers: list[int] = []
    yield numbers
    for number in numbers:
        os.close(number)


def broken_pipe(owned: list[int]) -> int:
    """Return a pipe without a reader, as after ``| head -0``."""
    reader, writer = os.pipe()
    os.close(reader)
    owned.append(writer)
    return writer


def full_disk(owned: list[int]) -> int:
    """Return a file on a full disk."""
    owned.append(os.open("/dev/full", os.O_WRONLY))
    return owned[-1]


def hung_up_terminal(owned: list[int]) -> int:
    """Return a terminal that has hung up."""
    master, terminal = pty.openpty()
    os.close(master)
    owned.append(terminal)
    return terminal


def stuck_pipe(owned: list[int]) -> int:
    """Return a full, non-blocking pipe whose reader does not read."""
    reader, writer = os.pipe()
    owned += [reader, writer]
    os.set_blocking(writer, False)
    _fill(writer)
    return writer


def _fill(writer: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, BLOCK):
            pass


def read_only(owned: list[int]) -> int:
    """Return a descriptor that is only open for reading, as after ``1< file``."""
    owned.append(os.open(os.devnull, os.O_RDONLY))
    return owned[-1]


@pytest.mark.parametrize(
    ("made", "number"),
    [
        (broken_pipe, errno.EPIPE),
        (full_disk, errno.ENOSPC),
        (hung_up_terminal, errno.EIO),
        (stuck_pipe, errno.EAGAIN),
        (read_only, errno.EBADF),
    ],
)
def test_a_write_that_fails_is_recorded_and_raises_nothing(
    owned: list[int], made: Callable[[list[int]], int], number: int
) -> None:
    """All bytes count as written, and the first error is kept."""
    file = ForgivingFile(made(owned), patience=0.05)

    assert (file.write(b"lost"), file.write(b"too")) == (4, 3)
    assert file.loss is not None
    assert file.loss.errno == number


def test_a_slow_reader_of_a_pipe_that_does_not_block_gets_everything(owned: list[int]) -> None:
    """A full pipe is awaited, and nothing is lost."""
    reader, writer = os.pipe()
    owned += [reader, writer]
    os.set_blocking(writer, False)
    file = ForgivingFile(writer, patience=60)
    content = BLOCK * 8
    got = bytearray()

    def read() -> None:
        while len(got) < len(content):
            got.extend(os.read(reader, 8192))

    thread = threading.Thread(target=read)
    thread.start()
    file.write(content)
    thread.join(60)

    assert bytes(got) == content
    assert file.loss is None


def test_output_that_can_be_written_again_is_written(owned: list[int]) -> None:
    """After a loss, a reader that reads again gets the later output."""
    writer = stuck_pipe(owned)
    file = ForgivingFile(writer, patience=0.05)
    file.write(b"lost")
    while not os.read(owned[0], len(BLOCK)).endswith(b"end"):
        file.write(b"end")

    assert file.loss is not None


def python(program: str, redirections: str = "", *, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program by a shell that redirects its streams."""
    command = ["sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, *options, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


CLOSED = ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]


@pytest.mark.parametrize("redirections", CLOSED)
def test_no_file_gets_the_number_of_a_stream_that_was_closed(tmp_path: Path, redirections: str) -> None:
    """A ledger with descriptor 1 would receive all printed text."""
    evidence, child = tmp_path / "ledger", tmp_path / "child"
    program = f"""
import os, subprocess, sys
from harness.kit import streams
streams.secure()
with open({str(evidence)!r}, "w") as file:
    print("printed")
    print("said", file=sys.stderr)
    os.system("echo from a child; echo from a child >&2")
    sys.stdin.read()
    file.write(str(file.fileno() > 2))
subprocess.run(["sh", "-c", "echo $(ls -l /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 | wc -l) > {child}"])
"""
    done = python(program, redirections)

    assert (done.returncode, evidence.read_text()) == (0, "True")
    assert child.read_text() == "3\n"


PRINTS = """
import logging, sys, threading
from harness.kit import streams
streams.secure()
logging.basicConfig(level=logging.WARNING)
def say():
    print("from a thread", flush=True)
    print("from a thread", file=sys.stderr, flush=True)
    raised.append(False)
raised = []
thread = threading.Thread(target=say)
thread.start()
thread.join()
logging.warning("from a handler")
sys.stdout.write("x" * 100_000)
sys.stdout.flush()
import rich.console, rich.live
with rich.live.Live("drawn", console=rich.console.Console(stderr=True, force_terminal=True), refresh_per_second=100):
    rich.console.Console().print("by rich")
print("\\u2713 not flushed", end="")
assert raised == [False]
sys.exit(3)
"""


@pytest.mark.parametrize("redirections", [*CLOSED, ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"])
def test_no_print_and_no_flush_at_exit_changes_the_exit_code(redirections: str) -> None:
    """This concerns threads, handlers, live displays and the interpreter's exit, which would give code 120."""
    assert python(PRINTS, redirections).returncode == 3


def test_a_character_that_the_encoding_lacks_is_no_failure() -> None:
    """It is escaped, because an encoding error is a failed write."""
    program = "from harness.kit import streams; streams.secure(); print('\\u2713 ok')"
    done = python(f"import sys; sys.stdout.reconfigure(encoding='latin-1'); {program}")

    assert (done.returncode, done.stdout) == (0, "\\u2713 ok\n")


def test_a_capture_of_somebody_else_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A library does not replace the streams of another program."""
    before = sys.stdout, sys.stderr
    streams.secure()

    assert (sys.stdout, sys.stderr) == before


REPORT = "from harness.kit import streams; streams.secure(); print('x'); streams.report_loss()"


@pytest.mark.parametrize(("redirections", "times"), [(">/dev/full", 1), (">&-", 0), ("", 0)])
def test_a_loss_is_reported_once_where_somebody_may_not_know(redirections: str, times: int) -> None:
    """A full disk is reported, and a stream that its owner closed is not."""
    assert python(REPORT, redirections).stderr.count("standard output was lost") == times


def test_a_reader_that_left_is_not_reported() -> None:
    """``| head`` closes the pipe on purpose."""
    done = subprocess.run(
        ["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "bash", sys.executable, "-c", f"input()\n{REPORT}"],
        stdin=None, input="\n", capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")


PRODUCT = """
import sys
from harness.errors import HarnessError
from harness.kit import streams
streams.secure()
try:
    with streams.required_output() as file:
        for _ in range(100_000):
            file.write("some line of data\\n")
except HarnessError as error:
    print(error.message, file=sys.stderr)
    sys.exit(4)
"""


@pytest.mark.parametrize(
    ("redirections", "code", "said"),
    [
        (">&-", 4, "Standard output is closed.\n"),
        (">/dev/full", 4, "Could not write standard output: No space left on device.\n"),
        (">/dev/null", 0, ""),
    ],
)
def test_required_output_that_is_not_written_is_an_error(redirections: str, code: int, said: str) -> None:
    """An incomplete table must not look complete."""
    done = python(PRODUCT, redirections)

    assert (done.returncode, done.stderr) == (code, said)


def test_a_reader_may_close_required_output_early() -> None:
    """``| head -1`` is a normal end: the code is 0, and nothing is printed."""
    command = ["bash", "-c", '"$@" | head -1; exit ${PIPESTATUS[0]}', "bash", sys.executable, "-c", PRODUCT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "some line of data\n", "")


def test_required_output_waits_for_its_reader(monkeypatch: pytest.MonkeyPatch, owned: list[int]) -> None:
    """A non-blocking pipe does not drop output."""
    reader, writer = os.pipe()
    owned += [reader, writer]
    os.set_blocking(writer, False)
    monkeypatch.setattr(streams, "STDOUT", writer)
    lines = 100_000
    got = bytearray()

    def read() -> None:
        while got.count(b"\n") < lines and (block := os.read(reader, 65536)):
            got.extend(block)

    thread = threading.Thread(target=read)
    thread.start()
    with streams.required_output() as file:
        for number in range(lines):
            file.write(f"{number}\n")
    thread.join(60)

    assert got.decode().split() == [str(number) for number in range(lines)]


def test_an_error_of_the_command_is_raised(monkeypatch: pytest.MonkeyPatch, owned: list[int]) -> None:
    """A command's own error is not treated as a failed write."""
    monkeypatch.setattr(streams, "STDOUT", full_disk(owned))
    with pytest.raises(HarnessError, match="damaged"):
        _begin_and_fail()


def _begin_and_fail() -> None:
    with streams.required_output() as file:
        file.write("begun")
        raise HarnessError("The ledger is damaged.")
