"""The one way to run programs: short ones to their end, long ones under a guardian that leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from harness.errors import CommandError, HarnessError, WaitTimeoutError
from harness.kit.files import tail
from harness.kit.guarded import missing_program, pasteable, spawn_guarded

#: Bytes of output kept for an error message.
_TAIL = 4000


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended with code 0.

    Attributes:
        argv: What was run.
        stdout: Its standard output as text.
        stderr: Its standard error as text.
    """

    argv: tuple[str, ...]
    stdout: str
    stderr: str


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run a program to its end.

    Args:
        argv: Program and arguments.
        timeout: Seconds after which it is killed.
        cwd: Working directory; this process's own where None.
        env: Whole environment; this process's own where None.

    Raises:
        MissingToolError: There is no such program.
        CommandError: It ended with another code than 0, or not in time; with its command line and output.
    """
    try:
        done = subprocess.run(
            list(argv), timeout=timeout, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise missing_program(argv[0]) from error
    except subprocess.TimeoutExpired as error:
        seen = ((error.stdout or b"") + (error.stderr or b""))[-_TAIL:].decode(errors="replace")
        raise CommandError(f"{argv[0]} was not done after {timeout:g} s.", detail=pasteable(argv, seen)) from error
    out, err = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    if done.returncode != 0:
        raise CommandError(f"{argv[0]} {describe_code(done.returncode)}.", detail=pasteable(argv, (out + err)[-_TAIL:]))
    return Completed(tuple(argv), out, err)


def describe_code(code: int) -> str:
    """``ended with code 3``, ``was killed by SIGTERM``."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


class Guard(Protocol):
    """A guardian as the harness sees it, whether a child of its own (``subprocess.Popen``) or a fork server's."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """The child's input, where it has a pipe."""

    def poll(self) -> int | None:
        """Return the child's code once the guardian has ended, else None."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the guardian's end; return the child's code."""


class ManagedProcess:
    """A child process and everything below it: gone when the context is left, or when this process dies.

    Between this process and the child stands a guardian (``harness.kit.guardian``) in a session of its own, so a
    Ctrl-C in the terminal reaches this process alone, which then stops its children in order.
    """

    def __init__(self, guard: Guard, *, pid: int, name: str, argv: Sequence[str], log: Path, lifeline: int) -> None:
        self.pid = pid
        self.name = name
        self.argv = tuple(argv)
        self.log = log
        self._guard = guard
        self._lifeline = lifeline

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        name: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin_pipe: bool = False,
        pass_fds: tuple[int, ...] = (),
    ) -> ManagedProcess:
        """Start a program; returns once it runs (not once it is ready).

        Args:
            argv: Program and arguments.
            name: For messages ("the local cluster").
            log: File that its standard output and error are appended to.
            env: Whole environment; this process's own where None.
            cwd: Working directory; this process's own where None.
            stdin_pipe: Give it a pipe for ``write_line``; else its standard input is empty.
            pass_fds: Descriptors that it inherits under their numbers.

        Raises:
            MissingToolError: There is no such program.
            CommandError: It could not be run.
        """
        lifeline, our_end = os.pipe()
        try:
            guard, pid, _ = spawn_guarded(
                argv, lifeline=lifeline, log=log, env=env, cwd=cwd, stdin_pipe=stdin_pipe, pass_fds=pass_fds
            )
        except BaseException:
            os.close(our_end)
            raise
        finally:
            os.close(lifeline)
        return cls(guard, pid=pid, name=name, argv=argv, log=log, lifeline=our_end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def returncode(self) -> int | None:
        """The child's exit code, negative for a signal; None while anything of its tree may run."""
        return self._guard.poll()

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.returncode is None

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return tail(self.log, lines)

    def write_line(self, text: str) -> None:
        """Send a line to its standard input.

        Raises:
            HarnessError: It has ended, or closed its standard input.
        """
        if self._guard.stdin is None:
            raise ValueError(f"{self.name} was started without a pipe for its input")
        try:
            self._guard.stdin.write(text.encode() + b"\n")
            self._guard.stdin.flush()
        except (OSError, ValueError) as error:
            raise HarnessError(f"{self.name} does not take input any more.", detail=self.tail()) from error

    def signal(self, number: int) -> None:
        """Send a signal to the child (not to what is below it); nothing happens if it has ended."""
        if self._lifeline >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._lifeline, bytes([number]))

    def wait(self, timeout: float) -> int:
        """Wait for its end.

        Returns:
            Its exit code, negative for a signal.

        Raises:
            WaitTimeoutError: It still runs.
        """
        try:
            code = self._guard.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise WaitTimeoutError(f"{self.name} still ran after {timeout:g} s.", detail=self.tail()) from error
        self._let_go()
        return code

    def stop(self, *, interrupt_after: float = 0, terminate_after: float = 5.0, kill_after: float = 20.0) -> int:
        """End it and everything below it: SIGINT, then SIGTERM, then SIGKILL to the whole tree.

        Args:
            interrupt_after: Seconds that it has after SIGINT; 0 sends none.
            terminate_after: Seconds that it has after SIGTERM; 0 sends none.
            kill_after: Seconds in which the whole tree must be gone after SIGKILL.

        Returns:
            The child's exit code, negative for a signal.

        Raises:
            WaitTimeoutError: Something can't even be killed (it hangs in the kernel).
        """
        try:
            for number, patience in ((signal.SIGINT, interrupt_after), (signal.SIGTERM, terminate_after)):
                if patience and self.alive():
                    self.signal(number)
                    with contextlib.suppress(WaitTimeoutError):
                        return self.wait(patience)
        finally:
            # Also when an impatient user interrupts this very wait: then the tree is killed at once.
            self._let_go()
        return self.wait(kill_after)

    def _let_go(self) -> None:
        """Close the lifeline, upon which the guardian kills what is left, and the child's input."""
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)
        if self._guard.stdin is not None:
            with contextlib.suppress(OSError):
                self._guard.stdin.close()
