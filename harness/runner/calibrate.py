"""The detector's proof by itself: the built-in faulty server, the real client, and what came of each known fault."""

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
    """Meet known faults, and say what the detector made of them.

    Args:
        directory: Gets the server's files, the ledger of all attempts, and ``calibration-0.json``.
        names: The faults; empty for all.
        times: How often each is met with each method on each kind of connection.
        tls: Speak TLS, and meet the faults that only TLS has.

    Raises:
        HarnessError: It could not be carried out.
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
