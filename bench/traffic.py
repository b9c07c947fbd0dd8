"""Compares our engine with common clients: their speed, and the losses that they report.

``python -m bench.traffic`` lets all of them send to the same server, in turn in each round. The client runs on one core
and the server on another. Speed is requests per second of the client's processor time. It is compared as a ratio within
each round, so that a machine whose speed drifts does not matter.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from urllib.request import urlopen

from bench.jobs import Job, Result
from bench.measure import Spread, spend
from bench.outside import OUTSIDE, missing
from bench.servers import ADDRESS, cores, has, nginx, python_server
from bench.tables import parser, publish, table

#: Client -> its name in the tables.
NAMES = {
    "engine": "engine with ledger",
    "engine-without-ledger": "engine, nothing recorded",
    "lossless-user": "`LosslessUser` in Locust (engine, ledger, statistics)",
    "fast-http-user": "Locust `FastHttpUser`",
    "http-user": "Locust `HttpUser`",
    "hey": "hey",
    "wrk": "wrk",
    "vegeta": "vegeta",
    "k6": "k6",
}
#: Requests per second of the open loops, on kept-alive and on new connections. They nearly saturate a core, as the
#: closed loops do: an event loop that finds several answers at once spends less time on each.
RATE, RATE_NEW = 20_000.0, 6_000.0
#: Number and length in seconds of the time slices for the comparison with and without recording.
SLICES, SLICE = 24, 1.0

Rates = dict[str, list[float]]


def present() -> list[str]:
    """Return the installed clients."""
    return [name for name in NAMES if name not in OUTSIDE or has(name)]


def work(job: Job, cpu: int | None) -> Result:
    """Let a client do a job in its own process."""
    if job.client in OUTSIDE:
        return OUTSIDE[job.client](job, cpu)
    return drive([job], cpu)[0]


def drive(jobs: Sequence[Job], cpu: int | None) -> list[Result]:
    """Do jobs in one process, one after the other.

    Raises:
        RuntimeError: The process failed.
    """
    spent = spend([sys.executable, "-m", "bench.driver", json.dumps([asdict(job) for job in jobs])], cpu=cpu)
    if spent.code:
        raise RuntimeError(f"the driver ended with {spent.code}:\n{spent.stdout}{spent.stderr}")
    return [Result(**json.loads(line)) for line in spent.stdout.splitlines()[-len(jobs) :]]


def compare(job: Job, rounds: int, cpu: int | None) -> tuple[Rates, Rates]:
    """Return requests per processor second of each client in each round, and the shares of missed requests."""
    rates: Rates = defaultdict(list)
    missed: Rates = defaultdict(list)
    for number in range(rounds):
        # Start each round with another client, so that none always follows the same one.
        clients = present()
        for client in clients[number % len(clients) :] + clients[: number % len(clients)]:
            result = work(replace(job, client=client), cpu)
            rates[client].append(result.requests / result.cpu)
            missed[client].append(result.missed / (result.requests + result.missed))
    return rates, missed


def speed_table(rates: Rates, missed: Rates) -> str:
    """Return the table of rates, and of the ratios of our engine to each client."""
    rows = [
        [
            NAMES[client],
            Spread.of([rate / 1000 for rate in rates[client]]).text("{:.1f}"),
            Spread.of([ours / rate for ours, rate in zip(rates["engine"], rates[client], strict=True)]).text(),
            f"{max(missed[client]):.1%}" if any(missed[client]) else "",
        ]
        for client in NAMES
        if client in rates
    ]
    return table(["client", "1000 requests per CPU second", "engine with ledger : this", "missed slots, at most"], rows)


def recording(job: Job, slices: int, cpu: int | None) -> str:
    """Return the cost of the ledger, from short slices with and without it in one process, in turn."""
    pair = [replace(job, client="engine"), replace(job, client="engine-without-ledger")]
    order = [one for number in range(slices) for one in (pair if number % 2 else pair[::-1])]
    costs: Rates = defaultdict(list)
    for one, result in zip(order, drive(order, cpu), strict=True):
        costs[one.client].append(result.cpu / result.requests * 1e6)
    on, off = costs["engine"], costs["engine-without-ledger"]
    ratio = Spread.of([a / b for a, b in zip(on, off, strict=True)])
    heads = [f"µs of CPU per request, {slices} slices of {job.seconds:g} s", "with ledger", "without", "ratio"]
    rows = [
        ["median (quartiles)", Spread.of(on).text("{:.1f}"), Spread.of(off).text("{:.1f}"), ratio.text()],
        ["least disturbed slice", f"{min(on):.1f}", f"{min(off):.1f}", f"{min(on) / min(off):.2f}"],
    ]
    return table(heads, rows)


def losses(job: Job, cpu: int | None, other: int | None, folder: Path) -> str:
    """Return the losses that each client reports of a server that loses one request in twenty."""
    rows = []
    for client in present():
        if client == "engine-without-ledger":
            continue
        counts = []
        for post in (False, True):
            if client == "wrk" and post:
                counts += ["", ""]
                continue
            with python_server("dropping", folder, cpu=other) as port:
                result = work(replace(job, client=client, port=port, post=post), cpu)
                with urlopen(f"http://{ADDRESS}:{port}/-/count", timeout=5) as answer:
                    counts += [f"{json.load(answer)['dropped']:,}", f"**{result.lost:,}**"]
        rows.append([NAMES[client], *counts])
    return table(["client", "GET: requests lost", "reported", "POST: requests lost", "reported"], rows)


def measure(folder: Path, *, quick: bool, rounds: int) -> str:
    """Return all tables."""
    mine, other = cores()
    job = Job("engine", 0, seconds=0.3 if quick else 2.0, rate=500 if quick else RATE)
    with nginx(folder, cpu=other) as port:
        kept = replace(job, port=port)
        parts = ["Kept-alive connections, GET:", speed_table(*compare(kept, rounds, mine))]
        new = replace(kept, reuse=False, rate=500 if quick else RATE_NEW)
        parts += ["A new connection for each request, GET:", speed_table(*compare(new, rounds, mine))]
        slices = replace(kept, seconds=0.1 if quick else SLICE)
        parts += ["What recording costs:", recording(slices, 2 if quick else SLICES, mine)]
    dropping = replace(job, rate=500 if quick else 1000.0, connections=10, requests=60)
    parts += ["Losses out of a known number:", losses(dropping, mine, other, folder)]
    return "\n\n".join([*parts, *([missing()] if missing() else [])])


def main() -> None:
    """Measure, print, and write the tables."""
    arguments = parser("Our engine compared with other clients: speed, and reported losses of a known number.")
    arguments.add_argument("--rounds", type=int, default=6, help="rounds of each comparison (%(default)s)")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        body = measure(Path(folder), quick=given.quick, rounds=1 if given.quick else given.rounds)
    publish(given.doc, "traffic", "python -m bench.traffic", body)


if __name__ == "__main__":
    main()
