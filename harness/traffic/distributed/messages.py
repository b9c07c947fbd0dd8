"""What master and workers say to each other over Locust's own channel.

Locust tells users to start and stop; these messages carry what it does not know: who has which share of the schedule,
one origin and one end for all, and the ledgers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from typing import Any, Protocol

from harness.store.ledger_format import VERSION

#: What two processes must have in common to share a schedule.
VERSIONS = f"harness {metadata.version('harness')}, ledger {VERSION}, Locust {metadata.version('locust')}"


class Kind(StrEnum):
    """The messages, with who sends them."""

    HELLO = "harness-hello"  # worker: I am here
    PLAN = "harness-plan"  # master: your share
    REFUSED = "harness-refused"  # master: there is no share for you, and why
    PING = "harness-ping"  # worker: what does your clock say?
    PONG = "harness-pong"  # master
    EVENT = "harness-event"  # worker: a line of its journal that concerns all
    GO = "harness-go"  # master: where to, and from when on
    STOP = "harness-stop"  # master: until when
    PIECE = "harness-piece"  # worker: part of a file
    TAKEN = "harness-taken"  # master: it is written down here
    WHOLE = "harness-whole"  # worker: these are all files, with their checksums
    RESCUE = "harness-rescue"  # who started a worker: it is dead, these are its files
    DISMISSED = "harness-dismissed"  # master: that is what I have too, or not


class Message(Protocol):
    """What Locust hands to a listener."""

    node_id: str
    data: Mapping[str, Any]


class Channel(Protocol):
    """Locust's runner, as far as it is a channel."""

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """Send a message: a worker to its master, the master to one worker or to all."""


@dataclass(frozen=True, slots=True)
class Hello:
    """How a worker introduces itself.

    Attributes:
        versions: Its ``VERSIONS``.
        name: What people call it: host and process.
        clock: ``harness.kit.machine.clock_identity`` of its machine.
        number: The share that it was started for; -1 lets the master choose.
        pid: Its process.
    """

    versions: str
    name: str
    clock: str
    number: int
    pid: int
