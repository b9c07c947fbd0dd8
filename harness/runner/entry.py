"""Traffic begins when the entry answers: pods that are ready are known to the ingress only later.

These few requests go before the traffic, on connections of their own, and are no part of the evidence.
"""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Sequence

from harness.clusters.base import Entry
from harness.kit.backends import read_backends
from harness.kit.waiting import wait_until
from harness.model.controllers import LONGEST_APPLY_S
from harness.model.experiment import TrafficPlan

#: Longest wait: a few syncs of the slowest controller.
ENTRY_SECONDS = 60.0
#: How long every path must have answered without a break. Parts of a data plane (each nginx worker) learn of endpoints
#: on timers of their own, so one right answer says nothing about the others. The slowest and a margin of 0.3 s.
UNBROKEN_SECONDS = LONGEST_APPLY_S + 0.3


def address_of(entry: Entry) -> tuple[str, int]:
    """The address to connect to now: one of the backends where it has some, else its own."""
    backends = read_backends(entry.backends).addresses if entry.backends is not None else ()
    return random.choice(backends) if backends else (entry.address, entry.port)  # noqa: S311 - no secret


def status_of(entry: Entry, path: str, host: str, headers: Sequence[tuple[str, str]] = ()) -> int:
    """The status of one GET on a new connection; 0 if there was no answer."""
    address, port = address_of(entry)
    connection = http.client.HTTPConnection(address, port, timeout=2.0)
    try:
        own = {"Connection": "close", **({"Host": host} if host else {})}
        connection.request("GET", path, headers={**dict(headers), **own})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_for_entry(entry: Entry, traffic: TrafficPlan) -> None:
    """Wait until every path of the traffic has answered 2xx without a break.

    Raises:
        WaitTimeoutError: Naming the path that did not, and the status it gave last.
    """
    since = time.monotonic()
    last: dict[str, int] = {}

    def unbroken() -> bool:
        nonlocal since
        for route in traffic.routes:
            last[route.key] = status_of(entry, route.path, route.host or traffic.host, route.headers)
        if not all(200 <= status < 300 for status in last.values()):
            since = time.monotonic()
        return time.monotonic() - since >= UNBROKEN_SECONDS

    def what() -> str:
        wrong = [f"{path} gave {status or 'no answer'}" for path, status in last.items() if not 200 <= status < 300]
        return f"the entry http://{entry.address}:{entry.port} to answer: {', '.join(wrong) or 'not yet steady'}"

    wait_until(unbroken, timeout=ENTRY_SECONDS, what=what, interval=0.1)
