"""A calibration as a program of its own: ``python -m harness.traffic.calibration.program DIRECTORY SETTINGS``.

It uses the same client, ledger and faults as the calibration before each trial, with any number of attempts per fault.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

from harness.errors import HarnessError
from harness.traffic.calibration.run import CalibrationRun


def main() -> int:
    """Calibrate by the settings (a JSON object: address, port, names, times, tls); return the exit code."""
    directory, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    try:
        CalibrationRun(
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
