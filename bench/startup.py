"""Measures the processor time of short commands: ``python -m bench.startup [ROUNDS]``.

The time depends on the machine and its load. The ratio to an empty interpreter depends on them less.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

_EXPERIMENT = Path(__file__).parents[1] / "experiments" / "demo.yaml"
_HARNESS = (sys.executable, "-m", "harness")
#: Name -> command to measure.
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "harness --version": (*_HARNESS, "--version"),
    "harness --help": (*_HARNESS, "--help"),
    "harness validate": (*_HARNESS, "validate", str(_EXPERIMENT)),
    "harness run --help": (*_HARNESS, "run", "--help"),
}


def seconds_of(command: tuple[str, ...]) -> float:
    """Run a command. Return the processor time of it and its children, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int) -> None:
    """Print the minimum time of each command, and its ratio to an empty interpreter."""
    least = {name: min(seconds_of(command) for _ in range(rounds)) for name, command in COMMANDS.items()}
    empty = least["python -c pass"]
    print("| command | processor time | ratio |")
    print("|---|---|---|")
    for name, seconds in least.items():
        print(f"| `{name}` | {seconds:.2f} s | {seconds / empty:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
