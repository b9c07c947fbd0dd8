"""``harness worker``: this machine sends a share of a run's traffic that is led from another one."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.words import duration_of
from harness.errors import ExitCode, HarnessError, InvalidInputError, Problem
from harness.traffic.distributed.remote_worker import RemoteWorker


def worker(
    join: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the run listens: what it was given as --bind.")],
    wait: Annotated[str, typer.Option(metavar="TIME", help="How long to wait for it, and between its trials.")] = "60s",
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Folder for what is recorded until the run has it (otherwise a temporary one)."),
    ] = None,
) -> int:
    """Send a share of a run's traffic from this machine. The run says what, where to, and when.

    Proves its detector on a faulty server of its own, sends on the common schedule, and brings every record home in
    pieces with checksums. It joins trial after trial and ends with the run. Both sides need the same version of the
    harness, and this machine a way to where the traffic goes.

    Exit code: 0 every record is with the run, 4 something failed (what was recorded here is then kept, and named).

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
    console = Console(highlight=False)

    def tell(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    if directory is not None:
        if directory.exists() and any(directory.iterdir()):
            raise InvalidInputError([Problem(f"--dir {directory} is not empty", hint="choose another one")])
        directory.mkdir(parents=True, exist_ok=True)
    parent = directory or Path(tempfile.mkdtemp(prefix="harness-worker-"))
    is_done = False
    try:
        served = RemoteWorker(host, port, seconds, parent.resolve(), tell).serve()
        is_done = True
    finally:
        if directory is None and (is_done or not list(parent.glob("*/ledger-*.npy"))):
            shutil.rmtree(parent)
    tell(f"done: {served} {'trial' if served == 1 else 'trials'}")
    return ExitCode.AS_EXPECTED


def address_of(text: str, option: str, problems: list[Problem]) -> tuple[str, int]:
    """``HOST:PORT`` in its parts."""
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
        raise HarnessError(f"There is no way to {host}: {error.strerror or error}.") from error
