"""Jobs for clients and their results, in the form in which they are passed between processes.

They are not in the driver, because the driver imports Locust, which patches the standard library. A process that
measures others would then hang when it waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """The job of a client.

    Attributes:
        client: One of ``CLIENTS``.
        port: Port of the server on the local host.
        seconds: Duration of sending.
        requests: Minimum number of requests, however slow the machine is.
        connections: Number of kept connections, or of requests under way at once.
        rate: Requests per second, for clients with an open loop.
        reuse: True to keep connections; False to open one for each request.
        post: True to send POST; False to send GET.
        folder: Folder for the engine's ledger; empty to discard it.
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
        """Return the URL of the server."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a client.

    Attributes:
        requests: Number of sent requests, as the client reports.
        lost: Number of lost requests, as the client reports.
        cpu: Seconds of processor time.
        missed: Number of planned requests that it was too slow to send.
    """

    requests: int
    lost: int
    cpu: float
    missed: int = 0
