"""What a client is asked to do and what it did, as they pass between processes.

They are apart from the driver since whoever imports Locust has a patched standard library, in which a process that
measures others hangs when it waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """What a client is to do.

    Attributes:
        client: One of ``CLIENTS``.
        port: Where, on the local host.
        seconds: How long.
        requests: How many at least, however slow the machine is.
        connections: How many are kept, or how many requests are under way at once.
        rate: Requests per second, for clients with an open loop.
        reuse: Keep connections; else each request has its own.
        post: Send POST; else GET.
        folder: Where our engine leaves its ledger; empty for nowhere.
    """

    client: str
    port: int
    seconds: float
    connections: int = 64
    rate: float = 1000.0
    reuse: bool = True
    post: bool = False
    folder: str = ""
    requests: int = 0

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Result:
    """What a client did.

    Attributes:
        requests: Requests that it sent, by its own account.
        lost: How many of them were lost, by its own account.
        cpu: Seconds of processor time.
        missed: Requests that it had planned but was too slow to send.
    """

    requests: int
    lost: int
    cpu: float
    missed: int = 0
