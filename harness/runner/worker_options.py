"""Checks how the sending of a run is shared among workers, before anything starts."""

from __future__ import annotations

import errno
import socket

from harness.errors import HarnessError, InvalidInputError, Problem
from harness.model.experiment import TrafficPlan
from harness.model.shapes import ConnectionSource, part_from
from harness.runner.options import RunOptions, cores


def check_workers(options: RunOptions, traffic: TrafficPlan) -> str:
    """Check that workers can share the traffic as requested.

    Returns:
        Advice for the user; empty if there is none.

    Raises:
        InvalidInputError: They can't; nothing was started.
        HarnessError: The address at which workers join can't be used.
    """
    size = options.workers + options.expect_workers
    problems = []
    if bool(options.expect_workers) != bool(options.bind[1]):
        lacking, given = ("--bind HOST:PORT", "--expect-workers")
        if options.bind[1]:
            lacking, given = ("--expect-workers N", "--bind")
        problems.append(Problem(f"{given} needs {lacking}", hint="workers join with: harness worker --join HOST:PORT"))
    if size > 1 and part_from(traffic.shapes, ConnectionSource.POOL) and size > traffic.pool.size:
        problems.append(Problem(f"{size} workers can't share a pool of {traffic.pool.size} connections"))
    if size > traffic.concurrency:
        problems.append(Problem(f"{size} workers can't share a concurrency of {traffic.concurrency}"))
    if problems:
        raise InvalidInputError(problems)
    if options.expect_workers:
        _check_address(*options.bind)
    notes = []
    if options.workers > cores():
        notes.append(f"{options.workers} workers on {cores()} cores: not all can send at the same time")
    if options.expect_workers and options.cluster == "local":
        notes.append("a local cluster is reached from this machine alone: workers must join from here")
    return "; ".join(notes)


def _check_address(host: str, port: int) -> None:
    """Check that the master could listen at this address."""
    name = "0.0.0.0" if host == "*" else host  # noqa: S104 - what the user asked for
    hint = "Choose another one with --bind HOST:PORT; HOST is an address of this machine."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise HarnessError(f"Port {port} of {host} is in use.", hint=hint) from error
        raise HarnessError(f"Nothing can listen at {host}:{port}: {error.strerror or error}.", hint=hint) from error
