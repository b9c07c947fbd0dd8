"""The messages between master and workers, over Locust's own channel.

Locust starts and stops users. These messages carry everything else: shares of the schedule, one origin and one end for
all, and the ledgers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from typing import Any, Protocol

from harness.store.ledger_format import VERSION

#: Versions that processes must have in common to share a schedule.
VERSIONS = f"harness {metadata.version('harness')}, ledger {VERSION}, Locust {metadata.version('locust')}"


class MessageKind(StrEnum):
    """The kinds of messages, each with its sender."""

    HELLO = "harness-hello"  # worker: asks for a share
    PLAN = "harness-plan"  # master: the share
    REFUSED = "harness-refused"  # master: no share, with the reason
    PING = "harness-ping"  # worker: asks for the time
    PONG = "harness-pong"  # master: the time
    EVENT = "harness-event"  # worker: an event of its log
    GO = "harness-go"  # master: destination and origin
    STOP = "harness-stop"  # master: end of the schedule
    PIECE = "harness-piece"  # worker: a part of a file
    TAKEN = "harness-taken"  # master: the part is on disk
    WHOLE = "harness-whole"  # worker: checksums of all files
    RECOVERY = "harness-recovery"  # starter of a dead worker: announces its files
    COMPARED = "harness-compared"  # master: the result of the comparison


class Message(Protocol):
    """A message as Locust gives it to a listener."""

    node_id: str
    data: Mapping[str, Any]


class Channel(Protocol):
    """The sending side of Locust's runner."""

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """Send a message: a worker to its master, the master to one worker or to all."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a worker.

    Attributes:
        versions: Its ``VERSIONS``.
        name: Its name for people: host and process.
        clock: ``harness.kit.machine.clock_identity`` of its machine.
        number: The share that it was started for; -1 lets the master choose.
        pid: Its process.
    """

    versions: str
    name: str
    clock: str
    number: int
    pid: int
