"""Recovery of a killed worker's files: its ledgers are readable, but the worker no longer sends them.

The process that started the worker runs ``python -m harness.traffic.distributed.recovery HOST PORT DIRECTORY WORKER``,
so that every recorded request reaches the master.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import gevent
from locust.rpc import Message, rpc

from harness.errors import HarnessError
from harness.traffic.distributed.file_sender import FileSender
from harness.traffic.distributed.file_sync import close_for
from harness.traffic.distributed.messages import MessageKind

#: Seconds without an answer after which recovery fails.
_PATIENCE = 10.0


class _Client:
    """The channel of a process that is not a Locust worker."""

    def __init__(self, host: str, port: int) -> None:
        self.name = f"recovery-{uuid4().hex}"
        self._client = rpc.Client(host, port, self.name)

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """Send a message to the master."""
        del client_id
        self._client.send(Message(str(msg_type), data, self.name))

    def listen(self, sender: FileSender) -> None:
        """Give the master's answers to the sender, until it is killed."""
        while True:
            message = self._client.recv()
            if message.type == MessageKind.TAKEN:
                sender.taken(message.data)
            elif message.type == MessageKind.COMPARED:
                sender.compared(message.data)


def main(host: str, port: int, directory: Path, worker: int) -> int:
    """Send the files of a worker to the master; return the exit code."""
    client = _Client(host, port)
    close_for(directory, worker)
    sender = FileSender(client, directory, worker, patience=_PATIENCE)
    client.send_message(MessageKind.RECOVERY, {"worker": worker})
    listening = gevent.spawn(client.listen, sender)
    try:
        sender.finish()
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        listening.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
