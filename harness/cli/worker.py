"""``harness worker``: send a share of the traffic of a run that is controlled from another machine."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.cli.option_values import duration_of
from harness.errors import ExitCode, HarnessError, InvalidInputError, Problem
from harness.kit.files import clear_disk_errors
from harness.report.outputs import WorkerOutput
from harness.traffic.distributed.remote_worker import RemoteWorker


def worker(
    join: Annotated[str, typer.Option(metavar="HOST:PORT", help="Address of the run: the value of its --bind.")],
    wait: Annotated[
        str, typer.Option(metavar="TIME", help="Longest time to wait for the run to start, and between its trials.")
    ] = "60s",
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="Folder for the records until the run has received them.", show_default="a temporary one"
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Send a share of a run's traffic from this machine. The run decides what is sent, where to, and when.

    The worker calibrates its detector on its own faulty server, sends on the common schedule, and transfers every
    record to the run in chunks with checksums. It joins each trial and ends with the run. Both machines need the same
    version of the harness. This machine must be able to reach the URLs that get traffic.

    Exit code: 0 the run has every record; 2 invalid input; 4 something failed. The records are then kept here, and
    their folder is printed.

    [bold]Examples[/bold]

      harness run exercise.yaml --expect-workers 2 --bind 10.0.0.1:5557    # on one machine

      harness worker --join 10.0.0.1:5557                                  # on two others
    """
    problems: list[Problem] = []
    host, port = address_of(join, "--join", problems)
    seconds = duration_of(wait, "--wait", problems)
    if problems:
        raise InvalidInputError(problems)
    _check_name(host, port)
    console = Console(highlight=False, stderr=as_json)

    def show(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    if directory is not None:
        with clear_disk_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
            is_empty = not any(directory.iterdir())
        if not is_empty:
            raise InvalidInputError([Problem(f"--dir {directory} is not empty", hint="choose another one")])
    parent = directory or Path(tempfile.mkdtemp(prefix="harness-worker-"))
    is_done = False
    try:
        served = RemoteWorker(host, port, seconds, parent.resolve(), show).serve()
        is_done = True
    finally:
        if directory is None and (is_done or not list(parent.glob("*/ledger-*.npy"))):
            shutil.rmtree(parent)
    show(f"done: {served} {'trial' if served == 1 else 'trials'}")
    if as_json:
        print_json(WorkerOutput(trials=served))
    return ExitCode.AS_EXPECTED


def address_of(text: str, option: str, problems: list[Problem]) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``. Anything else is a problem."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        problems.append(Problem(f"{option} {text!r}: expected HOST:PORT, such as 10.0.0.1:5557"))
        return "", 0
    return host, int(port)


def _check_name(host: str, port: int) -> None:
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise HarnessError(f"Cannot resolve {host}: {error.strerror or error}.") from error
