"""Brings home what a killed worker has left: its ledgers are whole, as far as they go, though nobody sends them.

Run as ``python -m harness.traffic.distributed.recovery HOST PORT DIRECTORY WORKER``
by the process that started the worker, so that every recorded request reaches the account.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import gevent
from locust.rpc import Message, rpc

from harness.errors import HarnessError
from harness.traffic.distributed.file_sender import Courier
from harness.traffic.distributed.file_sync import close_for
from harness.traffic.distributed.messages import Kind

#: Seconds without an answer after which it is given up.
_PATIENCE = 10.0


class _Client:
    """The channel of a process that is no Locust worker."""

    def __init__(self, host: str, port: int) -> None:
        self.name = f"rescue-{uuid4().hex}"
        self._client = rpc.Client(host, port, self.name)

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """Send a message to the master."""
        del client_id
        self._client.send(Message(str(msg_type), data, self.name))

    def listen(self, courier: Courier) -> None:
        """Hand the master's answers to the courier, for good."""
        while True:
            message = self._client.recv()
            if message.type == Kind.TAKEN:
                courier.taken(message.data)
            elif message.type == Kind.DISMISSED:
                courier.compared(message.data)


def main(host: str, port: int, directory: Path, worker: int) -> int:
    """Bring home the files of a worker; returns the exit code."""
    client = _Client(host, port)
    close_for(directory, worker)
    courier = Courier(client, directory, worker, patience=_PATIENCE)
    client.send_message(Kind.RESCUE, {"worker": worker})
    listening = gevent.spawn(client.listen, courier)
    try:
        courier.finish()
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        listening.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
