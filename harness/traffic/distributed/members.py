"""The workers of a master: who may join, which share each has, and how far each has got."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.traffic.distributed.clocks import ClockOffset
from harness.traffic.distributed.file_sync import Home
from harness.traffic.distributed.messages import VERSIONS, Hello


@dataclass(slots=True)
class Member:
    """One worker.

    Attributes:
        number: Its share.
        client: Its name on Locust's channel.
        name: What people call it.
        home: Where its files are written down, if they are on a disk of its own.
        is_apart: Whether they are.
        seen: Events that it has told.
        clock: How far its clock is from ours.
        rows: Attempts that it has recorded, once it is drained.
        unfinished: Those of them that were still under way.
        is_home: All its files are here, byte for byte.
        in_rescue: Somebody else brings home what it has left.
        heard_ns: When that was heard of last, CLOCK_MONOTONIC.
        lost: Why nothing more is to be expected of it; empty while something is.
    """

    number: int
    client: str
    name: str
    home: Home
    is_apart: bool = False
    seen: set[str] = field(default_factory=set)
    clock: ClockOffset = field(default_factory=ClockOffset)
    rows: int = 0
    unfinished: int = 0
    is_home: bool = False
    in_rescue: bool = False
    heard_ns: int = 0
    lost: str = ""

    def has(self, event: str) -> bool:
        """Whether it has got that far, or never will."""
        return bool(self.lost) or bool({event, "failed"} & self.seen)

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to come."""
        if self.in_rescue:
            return self.is_home
        return bool(self.lost) or (self.has("drained") and (self.is_home or not self.is_apart))

    def __str__(self) -> str:
        return f"worker {self.number} ({self.name})"


class Members:
    """Gives each worker that says hello its share.

    Args:
        size: How many shares there are.
        local: Those below this number are kept for workers that the master has started itself.
        directory: Where files of workers apart are written down.
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
        """The worker with this share."""
        return self._members.get(number)

    def by_client(self, client: str) -> Member | None:
        """The worker with this name on the channel."""
        return next((member for member in self if member.client == client), None)

    def admit(self, client: str, hello: Hello) -> Member | str:
        """Give a worker its share; the same again if it has one.

        Returns:
            The member, or why there is no share for it.
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
        self._members[number] = Member(number, client, hello.name, Home(self._directory, number))
        return self._members[number]

    @property
    def are_sound(self) -> bool:
        """Whether all are there, and none has failed or is lost."""
        return len(self) == self.size and not any(member.lost or "failed" in member.seen for member in self)

    @property
    def any_sends(self) -> bool:
        """Whether any is still to be expected to send."""
        return any(not member.lost and "failed" not in member.seen for member in self)

    def all_have(self, event: str) -> bool:
        """Whether all are there, and each has got that far or never will."""
        return len(self) == self.size and all(member.has(event) for member in self)

    def _free(self) -> int:
        return next((number for number in range(self._local, self.size) if number not in self._members), -1)

    def _workers(self) -> str:
        return "1 worker" if self.size == 1 else f"{self.size} workers"
