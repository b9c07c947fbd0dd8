"""The faulty server: known faults on demand, counted on its side, so that the detector's count can be held against it.

It is a process of its own, as any server is; what it does there is in ``harness.traffic.calibration.faulty_server``.
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
#: Its certificate, which is trusted by nothing else, and the key to it.
CERTIFICATE = Path(__file__).with_name("faulty.pem")
#: File in its directory that says where it listens.
WHERE = "faulty-server.json"
#: File in its directory that says, at its end, what it did: by token and fault.
SERVED = "served.json"
#: Seconds that the server may take to start on a busy machine.
_START_SECONDS = 60.0


class FaultyServer:
    """The running server (context manager).

    Attributes:
        address: IP address that it listens on.
        port: Its port.
    """

    def __init__(self, process: ManagedProcess, address: str, port: int) -> None:
        self._process = process
        self.address = address
        self.port = port

    @classmethod
    def start(cls, directory: Path) -> FaultyServer:
        """Start it; returns when it listens.

        Args:
            directory: Gets its address, its log, and at its end ``served.json``: what it did, by token and fault.

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
        """Let it write ``served.json`` and end."""
        self._process.stop()
