"""Runs programs: short ones to their end, and long ones under a guardian that leaves no process behind."""

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

#: Bytes of output to show in an error message.
_TAIL = 4000


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a program, with whatever code.

    Attributes:
        code: Its exit code; negative for the number of the signal that killed it.
        stdout: Its standard output as text.
        stderr: Its standard error as text.
    """

    code: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end, and require code 0.

    Args:
        argv: Program and arguments.
        timeout: Seconds after which it is killed.
        cwd: Working directory; None for this process's own.
        env: Whole environment; None for this process's own.

    Raises:
        MissingToolError: The program is not installed.
        CommandError: It did not end with code 0, or not in time; with its command line and output.
    """
    done = attempt(argv, timeout=timeout, cwd=cwd, env=env)
    if done.code != 0:
        output = (done.stdout + done.stderr)[-_TAIL:]
        raise CommandError(f"{argv[0]} {describe_code(done.code)}.", detail=pasteable(argv, output))
    return done


def attempt(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end, and accept any exit code.

    Args:
        argv: Program and arguments.
        timeout: Seconds after which it is killed.
        cwd: Working directory; None for this process's own.
        env: Whole environment; None for this process's own.

    Raises:
        MissingToolError: The program is not installed.
        CommandError: It did not end in time; with its command line and output.
    """
    try:
        done = subprocess.run(
            list(argv), timeout=timeout, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise missing_program(argv[0]) from error
    except subprocess.TimeoutExpired as error:
        seen = ((error.stdout or b"") + (error.stderr or b""))[-_TAIL:].decode(errors="replace")
        raise CommandError(f"{argv[0]} did not end within {timeout:g} s.", detail=pasteable(argv, seen)) from error
    out, err = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return Ended(done.returncode, out, err)


def describe_code(code: int) -> str:
    """Return ``ended with code 3`` or ``was killed by SIGTERM``."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


class Guard(Protocol):
    """A guardian: a child of this process (``subprocess.Popen``) or of a fork server."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """Return the child's input; None if it has no pipe."""

    def poll(self) -> int | None:
        """Return the child's exit code when the guardian has ended; otherwise None."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the guardian's end, and return the child's exit code."""


class ManagedProcess:
    """A child process with its descendants, which all end when the context is left or when this process dies.

    A guardian (``harness.kit.guardian``) is between this process and the child, in its own session. So Ctrl-C in the
    terminal reaches only this process, which then stops its children.
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
        """Start a program. Return when it runs; it may not be ready yet.

        Args:
            argv: Program and arguments.
            name: Name in messages: ``the local cluster``.
            log: File to which its standard output and error are appended.
            env: Whole environment; None for this process's own.
            cwd: Working directory; None for this process's own.
            stdin_pipe: True to give it a pipe for ``write_line``; otherwise its standard input is empty.
            pass_fds: Descriptors that it inherits, with the same numbers.

        Raises:
            MissingToolError: The program is not installed.
            CommandError: The program could not be run.
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
        """Return the child's exit code, negative for a signal; None while any process of its tree may run."""
        return self._guard.poll()

    def alive(self) -> bool:
        """Return True if it still runs."""
        return self.returncode is None

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of its log."""
        return tail(self.log, lines)

    def write_line(self, text: str) -> None:
        """Send a line to its standard input.

        Raises:
            HarnessError: The child has ended, or has closed its standard input.
        """
        if self._guard.stdin is None:
            raise ValueError(f"{self.name} was started without a pipe for its input")
        try:
            self._guard.stdin.write(text.encode() + b"\n")
            self._guard.stdin.flush()
        except (OSError, ValueError) as error:
            raise HarnessError(f"{self.name} no longer accepts input.", detail=self.tail()) from error

    def signal(self, number: int) -> None:
        """Send a signal to the child, not to its descendants. Does nothing if it has ended."""
        if self._lifeline >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._lifeline, bytes([number]))

    def wait(self, timeout: float) -> int:
        """Wait for the child's end.

        Returns:
            Its exit code, negative for a signal.

        Raises:
            WaitTimeoutError: It still runs after ``timeout`` seconds.
        """
        try:
            code = self._guard.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise WaitTimeoutError(f"{self.name} still ran after {timeout:g} s.", detail=self.tail()) from error
        self._let_go()
        return code

    def stop(self, *, interrupt_after: float = 0, terminate_after: float = 5.0, kill_after: float = 20.0) -> int:
        """End the child and its descendants: SIGINT, then SIGTERM, then SIGKILL to the whole tree.

        Args:
            interrupt_after: Seconds to wait after SIGINT; 0 sends none.
            terminate_after: Seconds to wait after SIGTERM; 0 sends none.
            kill_after: Seconds within which the whole tree must end after SIGKILL.

        Returns:
            The child's exit code, negative for a signal.

        Raises:
            WaitTimeoutError: A process could not be killed, because it hangs in the kernel.
        """
        try:
            for number, patience in ((signal.SIGINT, interrupt_after), (signal.SIGTERM, terminate_after)):
                if patience and self.alive():
                    self.signal(number)
                    with contextlib.suppress(WaitTimeoutError):
                        return self.wait(patience)
        finally:
            # Also if the user interrupts this wait: the tree is then killed at once.
            self._let_go()
        return self.wait(kill_after)

    def _let_go(self) -> None:
        """Close the child's input and the lifeline. The guardian then kills the rest of the tree."""
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)
        if self._guard.stdin is not None:
            with contextlib.suppress(OSError):
                self._guard.stdin.close()
