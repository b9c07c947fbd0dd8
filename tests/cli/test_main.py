"""Every end of a command has one exit code, and only bugs show a traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from importlib import metadata

import pytest

from harness.cli import doctor, main
from harness.cli.experiment_options import parse_only
from harness.errors import ExitCode, HarnessError, InvalidInputError, Problem
from harness.kit.interruption import Interrupted
from harness.kit.streams import ForgivingFile
from harness.runner.doctor import CHECKS, Check, State


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """Return the exit code of a command that raises."""

    def raising(**_options: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", raising)
    return main._run()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HarnessError("no room"), ExitCode.HARNESS_FAILED),
        (InvalidInputError([Problem("bad")]), ExitCode.INVALID_INPUT),
        (Interrupted(), 130),
        (ZeroDivisionError(), ExitCode.HARNESS_FAILED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_has_its_exit_code(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    """One place maps errors to exit codes, for all commands."""
    assert ending(monkeypatch, error) == code


def test_an_error_for_users_has_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It shows message, details and hint. A bug says that it is one."""
    ending(monkeypatch, HarnessError("no room", detail="on /tmp", hint="free some"))
    plain = capsys.readouterr().err
    ending(monkeypatch, ZeroDivisionError())
    bug = capsys.readouterr().err

    assert [word for word in ("no room", "on /tmp", "free some") if word not in plain] == []
    assert ("Traceback" in plain, "Traceback" in bug) == (False, True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Interrupted(), "stopped by Ctrl-C\n"),
        (Interrupted("nothing had started yet"), "stopped by Ctrl-C: nothing had started yet\n"),
    ],
)
def test_an_interrupted_command_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, words: str
) -> None:
    """The message names the signal, and may say what is left."""
    ending(monkeypatch, error)

    assert capsys.readouterr().err == words


def test_the_version_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` needs no command."""
    monkeypatch.setattr(sys, "argv", ["harness", "--version"])

    assert main._run() == ExitCode.AS_EXPECTED
    assert capsys.readouterr().out == f"harness {metadata.version('harness')}\n"


def test_an_unknown_command_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is 2, as for all invalid input."""
    monkeypatch.setattr(sys, "argv", ["harness", "no-such-command"])

    assert main._run() == ExitCode.INVALID_INPUT


def test_only_takes_lists_and_repetitions() -> None:
    """``--only a=x,a=y --only b=z`` is parsed."""
    assert parse_only(["configuration=x,configuration=y", "change=z"]) == {
        "configuration": ("x", "y"),
        "change": ("z",),
    }


@pytest.mark.parametrize("word", ["nonsense", "=red", "change="])
def test_only_refuses_invalid_parts(word: str) -> None:
    """The message has the invalid part."""
    with pytest.raises(InvalidInputError, match=word):
        parse_only([word])


def test_doctor_fails_only_for_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing optional program is reported. A missing required one also decides the exit code."""
    optional, lacking = Check("kind", State.OPTIONAL, "not found", "get it"), Check("nginx", State.LACKS, "none")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: optional,))
    fine = doctor.doctor(as_json=False)
    told = capsys.readouterr().out
    monkeypatch.setattr(doctor, "CHECKS", (lambda: optional, lambda: lacking))

    assert (fine, "get it" in told) == (0, True)
    assert doctor.doctor(as_json=True) == ExitCode.HARNESS_FAILED
    assert [check["what"] for check in json.loads(capsys.readouterr().out)["checks"]] == ["kind", "nginx"]


@pytest.mark.processes
@pytest.mark.nginx
def test_every_check_answers_on_this_machine() -> None:
    """No check raises, and each says what it checked and found."""
    assert [check.__name__ for check in CHECKS if not (check().what and check().found)] == []


def test_a_broken_pipe_inside_a_command_is_not_called_lossy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typer would exit with 1, which means lossy. Standard output never raises, so it is another pipe."""

    def breaks() -> list[object]:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(doctor, "CHECKS", (breaks,))
    monkeypatch.setattr(sys, "argv", ["harness", "doctor"])

    assert main._run() == ExitCode.HARNESS_FAILED


def test_the_loss_of_output_is_reported_after_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is the command's, and a warning comes last."""
    monkeypatch.setattr(sys, "argv", ["harness", "--version"])
    lost = ForgivingFile(os.open("/dev/full", os.O_WRONLY))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(lost, write_through=True))
    with pytest.raises(SystemExit) as left:
        main.main()
    os.close(lost.fileno())

    assert left.value.code == ExitCode.AS_EXPECTED
    assert capsys.readouterr().err.startswith("warning: standard output was lost: No space left on device")


@pytest.mark.parametrize("width", ["0", "00", ""])
def test_a_width_of_zero_is_ignored(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    """A program without a terminal may say 0 columns, and a verdict would be printed into them."""
    monkeypatch.setenv("COLUMNS", width)
    main.ignore_no_width()

    assert "COLUMNS" not in os.environ


def test_a_width_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow window gets narrow output."""
    monkeypatch.setenv("COLUMNS", "20")
    main.ignore_no_width()

    assert os.environ["COLUMNS"] == "20"
