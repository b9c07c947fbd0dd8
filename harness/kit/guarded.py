"""Starts a guardian with its child, both for children of this process and for daemons."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import CommandError, MissingToolError
from harness.kit import guardian
from harness.kit.files import open_log, tail


def spawn_guarded(
    argv: Sequence[str],
    *,
    lifeline: int,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin_pipe: bool = False,
    pass_fds: tuple[int, ...] = (),
) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start a guardian with its child. ``lifeline`` -1 is for a child that outlives this process.

    Returns:
        The started process, and the process ids of the child and its guardian, once the child's program runs.

    Raises:
        MissingToolError: The program is not installed.
        CommandError: The program could not be run.
    """
    status, their_end = os.pipe()
    kept = (their_end, *pass_fds) if lifeline < 0 else (their_end, lifeline, *pass_fds)
    command = [sys.executable, "-I", "-S", guardian.__file__, str(lifeline), str(their_end), *argv]
    with open(status, "rb") as report:  # noqa: PTH123 - a descriptor, not a path
        try:
            with open_log(log) as output:
                guard = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE if stdin_pipe else subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=env,
                    cwd=cwd,
                    pass_fds=kept,
                    start_new_session=True,
                )
        finally:
            os.close(their_end)
        words = [int(word) for word in report.read().split()]
    if len(words) == 2:
        return guard, words[0], words[1]
    if guard.stdin is not None:
        guard.stdin.close()
    guard.wait()
    if words[2:] == [errno.ENOENT]:
        raise missing_program(argv[0])
    reason = os.strerror(words[2]) if words else "its guardian did not start"
    raise CommandError(f"Could not run {argv[0]}: {reason}.", detail=pasteable(argv, tail(log)))


def pasteable(argv: Sequence[str], output: str) -> str:
    """Return a command line that can be pasted into a shell, followed by its output."""
    return f"  $ {shlex.join(argv)}\n" + "".join(f"  | {line}\n" for line in output.splitlines())


def missing_program(program: str) -> MissingToolError:
    """Return the error for a program that is not installed."""
    return MissingToolError(f"There is no program {program!r}.", hint=f"Install it, or put it on PATH: {program}.")
