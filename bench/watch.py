"""Measure the processor time of ``harness watch``: ``python -m bench.watch``.

Each round watches nginx for a short and for a long time. The slope between the two is what a second of watching costs,
without the start, the calibration and the report. The same is measured with a segment of the ledger sealed every two
seconds, 300 times as often as usual. A client that only waits and sends by the standard library runs at the same rate
next to it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.measure import Spread, spend
from bench.servers import nginx
from bench.tables import parser, publish, table

RATE = 100
#: Seconds of the short and of the long watch.
LENGTHS = (5, 65)
QUICK = (1, 2)
#: Share of a core that watching at ``RATE`` may use.
GOAL = 0.05
#: Further words of each watch, by its name in the table.
WATCHES: dict[str, tuple[str, ...]] = {
    "harness watch": (),
    "harness watch --seal-every 2s": ("--seal-every", "2s"),
}
_WATCH = "import sys; from harness.cli.main import main; sys.exit(main())"
#: One request per slot on a new connection: what the same traffic costs without an account.
_PLAIN = """
import http.client, sys, time
address, port, rate, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
begin = time.monotonic()
for slot in range(rate * seconds):
    time.sleep(max(0, begin + slot / rate - time.monotonic()))
    connection = http.client.HTTPConnection(address, port)
    connection.request("GET", "/")
    connection.getresponse().read()
    connection.close()
"""


def slope(commands: tuple[list[str], list[str]], lengths: tuple[int, int]) -> float:
    """Run a command for two lengths. Return its processor seconds per further second.

    Raises:
        RuntimeError: A command sent nothing.
    """
    cpu = []
    for command in commands:
        spent = spend(command)
        if spent.code not in {0, 3}:
            raise RuntimeError(f"{command} ended with {spent.code}:\n{spent.stdout}{spent.stderr}")
        cpu.append(spent.cpu)
    return (cpu[1] - cpu[0]) / (lengths[1] - lengths[0])


def measure(rounds: int, lengths: tuple[int, int]) -> dict[str, list[float]]:
    """Measure both clients in turn. Return the share of a core of each round."""
    found: dict[str, list[float]] = {name: [] for name in (*WATCHES, "http.client")}
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder), cpu=None) as port:
        for round_ in range(rounds):
            for number, (name, words) in enumerate(WATCHES.items()):
                out = Path(folder) / f"round-{round_}-{number}"
                short, long = (_watch(port, seconds, out / str(seconds), words) for seconds in lengths)
                found[name].append(slope((short, long), lengths))
            plain = tuple(
                [sys.executable, "-c", _PLAIN, "127.0.0.1", str(port), str(RATE), str(seconds)] for seconds in lengths
            )
            found["http.client"].append(slope((plain[0], plain[1]), lengths))
    return found


def _watch(port: int, seconds: int, out: Path, words: tuple[str, ...]) -> list[str]:
    """Return the command of a watch."""
    url = f"http://127.0.0.1:{port}/"
    options = ("--rate", str(RATE), "--for", f"{seconds}s", "--out", str(out), *words)
    return [sys.executable, "-c", _WATCH, "watch", url, *options]


def report(found: dict[str, list[float]]) -> str:
    """Return the table, and whether the goal is met."""
    spread = {name: Spread.of([100 * share for share in shares]) for name, shares in found.items()}
    text = table(["client", f"% of a core at {RATE}/s"], [[name, one.text("{:.1f}")] for name, one in spread.items()])
    met = max(spread[name].high for name in WATCHES) <= 100 * GOAL
    return f"{text}\n\nThe goal is {100 * GOAL:.0f} %{', and it is met' if met else '; it is missed'}."


def main() -> None:
    """Measure, print, and write the table."""
    arguments: argparse.ArgumentParser = parser("Processor time of a watch.")
    arguments.add_argument("--rounds", type=int, default=3, help="number of rounds (%(default)s)")
    given = arguments.parse_args()
    found = measure(1 if given.quick else given.rounds, QUICK if given.quick else LENGTHS)
    publish(given.doc, "watch", "python -m bench.watch", report(found))


if __name__ == "__main__":
    main()
