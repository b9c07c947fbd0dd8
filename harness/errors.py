"""The exceptions that carry a message for the user, and the exit codes that they become.

Every error that a user can meet is a ``HarnessError``: it says what was wrong, where, and what to do,
and the CLI prints it without a traceback. Anything else that escapes is a bug of the harness.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from harness.problem_codes import ProblemCode


class ExitCode(IntEnum):
    """What the process tells its caller; see the README's table."""

    AS_EXPECTED = 0
    UNEXPECTED = 1
    INVALID_INPUT = 2
    INCONCLUSIVE = 3
    HARNESS_FAILED = 4


class HarnessError(Exception):
    """The harness could not do its work.

    Args:
        message: What went wrong, in one sentence.
        hint: What the user can do about it; empty where nothing is known.
        detail: Output or context worth showing below the message (log tail, command).
    """

    exit_code = ExitCode.HARNESS_FAILED

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        """All parts, one below the other."""
        return "\n".join(part for part in (self.message, self.detail, self.hint) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what the user gave.

    Attributes:
        message: What is wrong and what was expected.
        file: The file it is in, as the user named it; empty if there is none.
        line: Line in that file, counted from 1; 0 where unknown.
        hint: What to write instead; may be empty.
        column: Column in that line, counted from 1; 0 where the line says enough.
        code: The kind of problem; programs compare it instead of the message.
    """

    message: str
    file: str = ""
    line: int = 0
    hint: str = ""
    column: int = 0
    code: ProblemCode = ProblemCode.OPTION

    def __str__(self) -> str:
        """``file:line:column: message (hint)``, as compilers print it."""
        numbers = [str(number) for number in (self.line, self.column) if number]
        place = f"{':'.join([self.file, *numbers])}: " if self.file else ""
        return f"{place}{self.message}" + (f" ({self.hint})" if self.hint else "")


class InvalidInputError(HarnessError):
    """What the user gave can't be used; every problem is listed, not the first alone."""

    exit_code = ExitCode.INVALID_INPUT

    def __init__(self, problems: tuple[Problem, ...] | list[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__(f"{head} in the input:", detail="\n".join(f"  {p}" for p in self.problems))


class MissingToolError(HarnessError):
    """A program or resource that this machine lacks; the hint says how to get it."""


class BringUpError(HarnessError):
    """A cluster did not come up; the detail says which step and what it saw."""


class CommandError(HarnessError):
    """A child process failed; the detail has the pasteable command line and the output's tail."""


class WaitTimeoutError(HarnessError):
    """Something awaited did not happen before its deadline; the message names what was missing."""


class EvidenceError(HarnessError):
    """A run directory is incomplete, damaged, or changed after it was sealed."""

    exit_code = ExitCode.INVALID_INPUT
