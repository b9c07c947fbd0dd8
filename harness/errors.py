"""The exceptions with a message for the user, and the exit codes they lead to.

Every error that a user can cause or meet is a ``HarnessError``. It says what was wrong, where, and what to do. The CLI
prints it without a traceback. Any other exception that escapes is a bug of the harness.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from harness.problem_codes import ProblemCode


class ExitCode(IntEnum):
    """Exit codes of the process; the README explains each."""

    AS_EXPECTED = 0
    UNEXPECTED = 1
    INVALID_INPUT = 2
    INCONCLUSIVE = 3
    HARNESS_FAILED = 4


class HarnessError(Exception):
    """An error that the user can read: the harness could not do its work.

    Args:
        message: One sentence about the failure.
        hint: Advice for the user; empty if there is none.
        detail: Output or context to show below the message, such as the end of a log or a command line.
    """

    exit_code = ExitCode.HARNESS_FAILED

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        """Return message, detail and hint, one below the other."""
        return "\n".join(part for part in (self.message, self.detail, self.hint) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in the user's input.

    Attributes:
        message: The fault, and what was expected.
        file: Path as the user wrote it; empty if the fault is not in a file.
        line: Line in that file, counted from 1; 0 if unknown.
        hint: Text to write instead; may be empty.
        column: Column in that line, counted from 1; 0 if the line is precise enough.
        code: Kind of the problem; programs compare it in place of the message.
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
    """The user's input can't be used; lists every problem, not only the first."""

    exit_code = ExitCode.INVALID_INPUT

    def __init__(self, problems: tuple[Problem, ...] | list[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__(f"{head} in the input:", detail="\n".join(f"  {p}" for p in self.problems))


class MissingToolError(HarnessError):
    """This machine lacks a program or resource; the hint says how to get it."""


class MissingExtraError(MissingToolError):
    """This installation lacks an extra, that is, an optional part.

    Args:
        subject: The thing that needs it, as the subject of a sentence in the plural.
        extra: Name of the extra.
        without: A sentence about what works without it; may be empty.
    """

    def __init__(self, subject: str, extra: str, *, without: str = "") -> None:
        super().__init__(
            f"{subject} need the extra {extra!r}, which is not installed.",
            hint=f"pip install 'harness[{extra}]'",
            detail=without,
        )
        self.extra = extra


class BringUpError(HarnessError):
    """A cluster did not come up; the detail names the step and what that step saw."""


class CommandError(HarnessError):
    """A child process failed; the detail has a command line to paste and the end of its output."""


class WaitTimeoutError(HarnessError):
    """A condition did not hold before its deadline; the message names what was missing."""


class EvidenceError(HarnessError):
    """A run directory is incomplete, damaged, or changed after it was sealed."""

    exit_code = ExitCode.INVALID_INPUT


class VerdictError(HarnessError):
    """A verdict that the caller did not ask for; see the two subclasses.

    Args:
        message: One sentence about the verdict.
        account: The account of all requests and the findings, as text.
        directory: The run directory.

    Attributes:
        directory: The run directory.
    """

    def __init__(self, message: str, *, account: str, directory: Path) -> None:
        super().__init__(message, detail=account, hint=f"report: {directory / 'index.html'}")
        self.directory = directory


class UnexpectedVerdictError(VerdictError, AssertionError):
    """Requests were lost, or a cell is lossless against expectation. Test frameworks take it for a failed assertion."""

    exit_code = ExitCode.UNEXPECTED


class InconclusiveError(VerdictError):
    """The traffic proves nothing, so nothing is known about losses. This is neither a pass nor a loss."""

    exit_code = ExitCode.INCONCLUSIVE
