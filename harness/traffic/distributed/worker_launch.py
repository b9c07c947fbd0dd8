"""How a Locust worker is started, by a master or by who joins one; Locust, which patches sockets, is not imported."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.store.records import to_json
from harness.traffic.plan import VARIABLE

#: Environment variable with a worker's terms as JSON; absent when a worker is run by plain ``locust``.
WORKER_VARIABLE = "HARNESS_TRAFFIC_WORKER"


@dataclass(frozen=True, slots=True)
class WorkerTerms:
    """What a worker process is told when it is started.

    Attributes:
        number: The share that it is for; -1 lets the master choose.
        apart: Whether its files are its own in any case, and go home over the channel; otherwise they are so only if it
            can't write where the master's are.
        directory: Where its own files are.
        calibration: The faulty server beside it, if it is not the master's.
    """

    number: int = -1
    apart: bool = False
    directory: Path = Path("reports")
    calibration: tuple[str, int] | None = None


def worker_command(locustfile: str, host: str, port: int, *, patience: float) -> list[str]:
    """The command line of a Locust worker.

    Args:
        locustfile: What it runs.
        host: Where its master is.
        port: The master's port.
        patience: Seconds that it may take to stop.
    """
    return [
        *(sys.executable, "-m", "locust", "--locustfile", locustfile, "--worker"),
        *("--master-host", host, "--master-port", str(port)),
        *("--stop-timeout", str(round(patience)), "--exit-code-on-error", "0"),
    ]


def worker_environment(terms: WorkerTerms) -> dict[str, str]:
    """The environment of a Locust worker: what the user has set for other runs of Locust is not in it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_") and k != VARIABLE}
    return kept | {WORKER_VARIABLE: json.dumps(to_json(terms))}
