"""The calibration as a program of its own: ``python -m harness.traffic.calibration.program DIRECTORY SETTINGS``.

The same client, ledger and faults that prove the detector before each trial, as often as one likes.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

from harness.errors import HarnessError
from harness.traffic.calibration.proof import Calibration


def main() -> int:
    """Calibrate as the settings (a JSON object: address, port, names, times, tls) say; returns the exit code."""
    directory, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    try:
        Calibration(
            (settings["address"], settings["port"]),
            directory,
            token=secrets.token_hex(4),
            times=settings["times"],
            names=settings["names"],
            tls=settings["tls"],
        ).run()
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
