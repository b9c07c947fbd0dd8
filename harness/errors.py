"""Separate errors that the user can act on from bugs, and give each an exit code.

Every expected error is a ``HarnessError``. It says what is wrong, where, and what to do. The command line prints it
without a traceback. Any other exception that reaches the command line is a bug of the harness.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from harness.problem_codes import ProblemCode


class ExitCode(IntEnum):
    """The exit code of a command. The README explains each."""

    AS_EXPECTED = 0
    UNEXPECTED = 1
    INVALID_INPUT = 2
    INCONCLUSIVE = 3
    HARNESS_FAILED = 4


class HarnessError(Exception):
    """An error that is shown to the user without a traceback.

    Args:
        message: The problem, in one sentence.
        hint: A remedy. Empty if none is known.
        detail: Output or context to show below the message, such as the end of a log, or a command.
    """

    exit_code = ExitCode.HARNESS_FAILED

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        """Return the message, the detail and the hint on separate lines."""
        return "\n".join(part for part in (self.message, self.detail, self.hint) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in the user's input.

    Attributes:
        message: The problem and the expected value.
        file: The file that contains it, as the user named it. Empty if there is none.
        line: Line in that file, counted from 1. 0 if unknown.
        hint: The correction. It may be empty.
        column: Column in that line, counted from 1. 0 if the line is enough.
        code: The kind of problem. Programs compare it instead of the message.
    """

    message: str
    file: str = ""
    line: int = 0
    hint: str = ""
    column: int = 0
    code: ProblemCode = ProblemCode.OPTION

    def __str__(self) -> str:
        """Return ``file:line:column: message (hint)``, as compilers print it."""
        numbers = [str(number) for number in (self.line, self.column) if number]
        place = f"{':'.join([self.file, *numbers])}: " if self.file else ""
        return f"{place}{self.message}" + (f" ({self.hint})" if self.hint else "")


class InvalidInputError(HarnessError):
    """An error that lists every problem of the user's input."""

    exit_code = ExitCode.INVALID_INPUT

    def __init__(self, problems: tuple[Problem, ...] | list[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__(f"{head} in the input:", detail="\n".join(f"  {p}" for p in self.problems))


class MissingToolError(HarnessError):
    """An error about a program or resource that this machine lacks. The hint says how to get it."""


class BringUpError(HarnessError):
    """An error about a cluster that did not come up. The detail names the failed step and its output."""


class CommandError(HarnessError):
    """An error about a failed child process. The detail has its command line and the end of its output."""


class WaitTimeoutError(HarnessError):
    """An error about a wait that reached its deadline. The message names the missing event."""


class EvidenceError(HarnessError):
    """An error about a run directory that is incomplete, damaged, or changed after it was sealed."""

    exit_code = ExitCode.INVALID_INPUT
