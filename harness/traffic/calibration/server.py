"""The faulty server: it produces known faults on request and counts them, to compare with the detector's count.

It runs in a process of its own, whose program is ``harness.traffic.calibration.faulty_server``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import HarnessError
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until

#: The name in its certificate.
SERVER_NAME = "faulty-server"
#: Its certificate and key; nothing else trusts them.
CERTIFICATE = Path(__file__).with_name("faulty.pem")
#: File in its directory with its address.
WHERE = "faulty-server.json"
#: File in its directory with its final counts by token and fault.
SERVED = "served.json"
#: Seconds within which the server must start on a busy machine.
_START_SECONDS = 60.0


class FaultyServer:
    """The running server (context manager).

    Attributes:
        address: Its IP address.
        port: Its port.
    """

    def __init__(self, process: ManagedProcess, address: str, port: int) -> None:
        self._process = process
        self.address = address
        self.port = port

    @classmethod
    def start(cls, directory: Path) -> FaultyServer:
        """Start it; return when it listens.

        Args:
            directory: Receives its address, its log, and at its end ``served.json`` with its counts.

        Raises:
            HarnessError: It does not start.
        """
        directory.mkdir(parents=True, exist_ok=True)
        where = directory / WHERE
        where.unlink(missing_ok=True)
        command = [sys.executable, "-m", "harness.traffic.calibration.faulty_server", str(directory)]
        process = ManagedProcess.start(command, name="the faulty server", log=directory / "faulty-server.log")
        try:
            wait_until(
                lambda: where.exists() or not process.alive(),
                timeout=_START_SECONDS,
                what="the faulty server to listen",
            )
            facts = json.loads(where.read_text())
        except FileNotFoundError as error:
            raise HarnessError("The faulty server ended at once.", detail=process.tail()) from error
        except BaseException:
            process.stop()
            raise
        return cls(process, facts["address"], facts["port"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let it write ``served.json``, and end it."""
        self._process.stop()
