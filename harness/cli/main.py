"""The command line's entry point, and the only place where an error becomes a message and an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from typing import Annotated

import typer

from harness.cli.commands import Commands
from harness.errors import ExitCode, HarnessError
from harness.kit import interruption, streams
from harness.kit.interruption import Interrupted

EPILOG = """
Exit codes: 0 all cells as expected · 1 lossy (or lossless) against expectation · 2 invalid input or usage ·
3 inconclusive · 4 the harness itself failed · 129/130/143 stopped by SIGHUP/Ctrl-C/SIGTERM
"""

app = typer.Typer(
    name="harness",
    cls=Commands,
    help="Find out whether requests get lost while your application or its routing changes on Kubernetes.\n\n"
    "Start with: harness demo",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # noqa: PLC0415 - for this option alone

        typer.echo(f"harness {metadata.version('harness')}")
        raise typer.Exit


@app.callback()
def before(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Accept the options that stand before a command."""


def show_error(error: HarnessError) -> None:
    """Print an error: its message, its details, and its hint."""
    from rich.console import Console  # noqa: PLC0415 - for errors alone

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("error:", style="bold red", end=" ")
    console.print(error.message, markup=False)
    for text, style in ((error.detail, ""), (error.hint, "cyan")):
        if text:
            console.print(text, style=style, markup=False)


def ignore_no_width() -> None:
    """Remove ``COLUMNS=0`` and ``LINES=0``, as programs without a terminal may set them: Rich would print nothing."""
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "").strip("0") == "":
            os.environ.pop(name, None)


def main() -> None:
    """Run the command line and exit with its code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    ignore_no_width()
    code = _run()
    streams.report_loss()
    sys.exit(code)


def _run() -> int:
    """Run the command in ``sys.argv``. Return its exit code."""
    try:
        with interruption.handled():
            result = app(standalone_mode=False)
        return int(result or 0)
    except Interrupted as stopped:
        number = interruption.signal_number() or signal.SIGINT
        text = f"stopped by {'Ctrl-C' if number == signal.SIGINT else signal.Signals(number).name}"
        sys.stderr.write(": ".join([text, *map(str, stopped.args)]) + "\n")
        return 128 + number
    except typer.Exit as leaving:
        return leaving.exit_code
    except HarnessError as error:
        show_error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the edge of the program
        return _other(error)


def _other(error: Exception) -> int:
    """Show a usage error as typer does. Anything else is a bug: print its traceback."""
    show = getattr(error, "show", None)
    if callable(show):
        show()
        return ExitCode.INVALID_INPUT
    traceback.print_exception(error)
    sys.stderr.write("This is a bug in the harness.\n")
    return ExitCode.HARNESS_FAILED
