"""The workers of a master: their admission, shares and progress."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.traffic.distributed.clocks import ClockOffset
from harness.traffic.distributed.file_sync import FileReceiver
from harness.traffic.distributed.messages import VERSIONS, Hello


@dataclass(slots=True)
class Member:
    """One worker.

    Attributes:
        number: Its share.
        client: Its name on Locust's channel.
        name: Its name for people.
        home: Receiver of its files, if they are on a disk of its own.
        is_apart: Its files are on a disk of its own.
        seen: Events that it has sent.
        clock: Offset of its clock.
        rows: Attempts that it has recorded, once it has drained.
        unfinished: Those of them without an outcome.
        is_home: All its files have arrived, byte for byte.
        in_recovery: Another process sends the files that it left.
        heard_ns: CLOCK_MONOTONIC of the last piece of its files, or of the start of the recovery.
        lost: The reason why nothing more will come from it; empty for none.
    """

    number: int
    client: str
    name: str
    home: FileReceiver
    is_apart: bool = False
    seen: set[str] = field(default_factory=set)
    clock: ClockOffset = field(default_factory=ClockOffset)
    rows: int = 0
    unfinished: int = 0
    is_home: bool = False
    in_recovery: bool = False
    heard_ns: int = 0
    lost: str = ""

    def has(self, event: str) -> bool:
        """Return True once it has sent this event, or never will."""
        return bool(self.lost) or bool({event, "failed"} & self.seen)

    @property
    def is_done(self) -> bool:
        """True if nothing more will come from it."""
        if self.in_recovery:
            return self.is_home
        return bool(self.lost) or (self.has("drained") and (self.is_home or not self.is_apart))

    def __str__(self) -> str:
        return f"worker {self.number} ({self.name})"


class Members:
    """Gives each worker that says hello its share.

    Args:
        size: Number of shares.
        local: Shares below this number are reserved for workers that the master has started.
        directory: Folder for the files of remote workers.
    """

    def __init__(self, size: int, local: int, directory: Path) -> None:
        self.size = size
        self.is_closed = False
        self._local = local
        self._directory = directory
        self._members: dict[int, Member] = {}

    def __iter__(self) -> Iterator[Member]:
        return iter(sorted(self._members.values(), key=lambda member: member.number))

    def __len__(self) -> int:
        return len(self._members)

    def by_number(self, number: int) -> Member | None:
        """Return the worker with this share; None if there is none."""
        return self._members.get(number)

    def by_client(self, client: str) -> Member | None:
        """Return the worker with this name on the channel; None if there is none."""
        return next((member for member in self if member.client == client), None)

    def admit(self, client: str, hello: Hello) -> Member | str:
        """Give a worker its share; repeat the share that it has.

        Returns:
            The member, or the reason for a refusal.
        """
        known = self.by_client(client)
        if known is not None:
            return known
        if hello.versions != VERSIONS:
            return f"the versions differ: it has {hello.versions}; the master has {VERSIONS}"
        number = hello.number if hello.number >= 0 else self._free()
        if self.is_closed:
            return f"it came too late: the traffic has begun with {self._workers()}"
        if number < 0 or number in self._members:
            return f"nobody else is expected: the traffic has its {self._workers()}"
        self._members[number] = Member(number, client, hello.name, FileReceiver(self._directory, number))
        return self._members[number]

    @property
    def are_sound(self) -> bool:
        """True if all have joined, and none has failed or is lost."""
        return len(self) == self.size and not any(member.lost or "failed" in member.seen for member in self)

    @property
    def any_sends(self) -> bool:
        """True if at least one may still send."""
        return any(not member.lost and "failed" not in member.seen for member in self)

    def all_have(self, event: str) -> bool:
        """Return True if all have joined, and each has sent this event or never will."""
        return len(self) == self.size and all(member.has(event) for member in self)

    def _free(self) -> int:
        return next((number for number in range(self._local, self.size) if number not in self._members), -1)

    def _workers(self) -> str:
        return "1 worker" if self.size == 1 else f"{self.size} workers"
