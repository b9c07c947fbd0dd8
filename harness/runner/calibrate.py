"""Runs the detector's calibration alone: the real client against the built-in faulty server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.analysis.evidence import Calibration
from harness.errors import HarnessError
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.store.ledger import read_ledger
from harness.traffic.calibration.server import FaultyServer


def calibrate(directory: Path, *, names: tuple[str, ...], times: int, tls: bool) -> Calibration:
    """Send requests into known faults, and return how the detector classified them.

    Args:
        directory: Receives the server's files, the ledger of all attempts, and ``calibration-0.json``.
        names: Faults to use; empty for all.
        times: Requests per fault, method and connection shape.
        tls: Use TLS, and add the faults that only TLS has.

    Raises:
        HarnessError: The calibration process failed.
    """
    with FaultyServer.start(directory / "server") as server:
        settings = {"address": server.address, "port": server.port, "names": names, "times": times, "tls": tls}
        command = [sys.executable, "-m", "harness.traffic.calibration.program", str(directory), json.dumps(settings)]
        log = directory / "calibration.log"
        with ManagedProcess.start(command, name="the calibration", log=log) as process:
            wait_until(lambda: not process.alive(), timeout=float("inf"), what="the calibration to end")
            if process.returncode:
                raise HarnessError("The calibration could not be carried out.", detail=process.tail())
    record = json.loads((directory / "calibration-0.json").read_text(encoding="utf-8"))
    return Calibration.of(record, read_ledger(directory / "calibration-0.npy"))
