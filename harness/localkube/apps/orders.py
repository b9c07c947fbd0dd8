"""Orders of a stand-in: a record that the kubelet makes, and that travels to the process as one argument."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

#: Seconds between the end of the requests in flight and the end of the process, with ``exits-late``.
LATE_SECONDS = 10.0


class Ending(StrEnum):
    """What a stand-in does when it gets SIGTERM."""

    DRAINS = "drains"
    CLOSES_AT_ONCE = "closes-at-once"
    IGNORES_SIGTERM = "ignores-sigterm"
    EXITS_LATE = "exits-late"


#: The same in a sentence each, for reports and documentation.
ENDINGS = {
    Ending.DRAINS: "closes its listener at SIGTERM, finishes requests in flight, then exits",
    Ending.CLOSES_AT_ONCE: "closes its listener and all connections at SIGTERM and exits",
    Ending.IGNORES_SIGTERM: "ignores SIGTERM and serves until SIGKILL",
    Ending.EXITS_LATE: "closes its listener at SIGTERM, finishes requests in flight, "
    f"and exits {LATE_SECONDS:.0f} s later",
}


@dataclass(frozen=True, slots=True)
class Orders:
    """What one stand-in does.

    Attributes:
        ending: How it stops.
        ready: Seconds from the start of the process until its listeners open.
        ports: Ports that it listens on.
        identity: The body of every answer, without the newline.
        late: Seconds between the last request and the end of the process, with ``exits-late``.
    """

    ending: Ending
    ready: float
    ports: tuple[int, ...]
    identity: str
    late: float = LATE_SECONDS

    def encode(self) -> str:
        """Return the orders as one argument of the application."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Orders:
        """Return the orders that an argument holds."""
        value = json.loads(text)
        ports = tuple(value["ports"])
        return cls(Ending(value["ending"]), float(value["ready"]), ports, value["identity"], float(value["late"]))
