"""The configuration of a stand-in, which the kubelet passes to its process as one argument."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

#: Seconds between the end of the requests in flight and the end of the process, with ``exits-late``.
LATE_SECONDS = 10.0


class StopMode(StrEnum):
    """The reactions of a stand-in to SIGTERM."""

    DRAINS = "drains"
    CLOSES_AT_ONCE = "closes-at-once"
    IGNORES_SIGTERM = "ignores-sigterm"
    EXITS_LATE = "exits-late"


#: Each reaction as a sentence, for reports and documentation.
STOP_MODES = {
    StopMode.DRAINS: "closes its listener at SIGTERM, finishes requests in flight, then exits",
    StopMode.CLOSES_AT_ONCE: "closes its listener and all connections at SIGTERM and exits",
    StopMode.IGNORES_SIGTERM: "ignores SIGTERM and serves until SIGKILL",
    StopMode.EXITS_LATE: "closes its listener at SIGTERM, finishes requests in flight, "
    f"and exits {LATE_SECONDS:.0f} s later",
}


@dataclass(frozen=True, slots=True)
class Orders:
    """The configuration of one stand-in.

    Attributes:
        ending: Its reaction to SIGTERM.
        ready: Seconds from the start of the process until its listeners open.
        ports: Ports that it listens on.
        identity: The body of every response, without the newline.
        late: Seconds between the last request and the end of the process, with ``exits-late``.
        secure: Those of the ports that need TLS.
        plain: Those of the ports without TLS. Any other port accepts both.
        certificate: Path of the certificate with its key.
        grpc: True if a probe asks by gRPC.
    """

    ending: StopMode
    ready: float
    ports: tuple[int, ...]
    identity: str
    late: float = LATE_SECONDS
    secure: tuple[int, ...] = ()
    plain: tuple[int, ...] = ()
    certificate: str = ""
    grpc: bool = False

    def encode(self) -> str:
        """Encode the configuration as one argument of the application."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Orders:
        """Decode the configuration from an argument."""
        value = json.loads(text)
        ports = {name: tuple(value[name]) for name in ("ports", "secure", "plain")}
        return cls(**{**value, **ports, "ending": StopMode(value["ending"])})
