"""The launch of Locust workers; this module must not import Locust, which patches sockets."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.store.records import to_json
from harness.traffic.plan import VARIABLE

#: Environment variable with a worker's settings as JSON; absent under plain ``locust``.
WORKER_VARIABLE = "HARNESS_TRAFFIC_WORKER"


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The settings of a worker process at its start.

    Attributes:
        number: Its share; -1 lets the master choose.
        apart: It keeps its own files and sends them over the channel in any case; otherwise only if it cannot write to
            the master's folder.
        directory: Folder of its own files.
        calibration: Address of a faulty server of its own; None for the master's.
    """

    number: int = -1
    apart: bool = False
    directory: Path = Path("reports")
    calibration: tuple[str, int] | None = None


def worker_command(locustfile: str, host: str, port: int, *, patience: float) -> list[str]:
    """Return the command line of a Locust worker.

    Args:
        locustfile: Its locustfile.
        host: Host of its master.
        port: The master's port.
        patience: Seconds within which it must stop.
    """
    return [
        *(sys.executable, "-m", "locust", "--locustfile", locustfile, "--worker"),
        *("--master-host", host, "--master-port", str(port)),
        *("--stop-timeout", str(round(patience)), "--exit-code-on-error", "0"),
    ]


def worker_environment(settings: WorkerSettings) -> dict[str, str]:
    """Return the environment of a Locust worker, without the user's settings for other runs of Locust."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_") and k != VARIABLE}
    return kept | {WORKER_VARIABLE: json.dumps(to_json(settings))}
