"""Runs a client: ``python -m bench.driver JOBS`` does jobs, given as JSON, in turn, and prints each result in a line.

Processor time is measured only while sending, so that the start of Python does not count.
"""

from __future__ import annotations

# Import Locust first, because the import makes gevent patch the standard library.
import locust  # isort: skip
import gc
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import gevent
import numpy as np
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

from bench.jobs import Job, Result
from harness.model.attempt import LOSSES, Method, Outcome
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.shapes import Shape
from harness.store.ledger import read_ledger
from harness.traffic import session as session_module
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.session import Session, SessionCommands
from harness.traffic.user import LosslessUser

#: Timeout in seconds: long, so that a slow machine loses no request. The servers answer every request.
TIMEOUT = 30.0
#: Outcomes of requests that were sent and have ended.
_ENDED = [Outcome.OK, *LOSSES]


class NullLedger:
    """A ledger that records nothing, to measure the client alone."""

    def __init__(self, *_: object, **__: object) -> None:
        self.used = 0
        self.done = 0
        self.missed = 0

    def reserve(self) -> None:
        """Do nothing."""

    def intent(self, *_: object, **__: object) -> int:
        """Number an attempt."""
        row = self.used
        self.used = row + 1
        return row

    def progress(self, *_: object) -> None:
        """Do nothing."""

    def outcome(self, _row: int, outcome: Outcome, *_: object, **__: object) -> None:
        """Count the attempt as sent or as missed."""
        if outcome is Outcome.MISSED:
            self.missed += 1
        else:
            self.done += 1

    begin = intent

    def record(self, *_: object, **__: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _traffic(job: Job) -> TrafficPlan:
    return TrafficPlan(
        rate=job.rate,
        routes=(Route("/"),),
        methods=(Method.POST if job.post else Method.GET,),
        shapes=(Shape.REUSED if job.reuse else Shape.NEW,),
        pool=Pool(size=job.connections),
        timeout=TIMEOUT,
        # As many requests under way as in a closed loop. More than the pool's size would open extra connections.
        concurrency=job.connections if job.reuse else 1000,
    )


def _send(job: Job, done: Callable[[], int]) -> None:
    """Let a client send for the job's time, and until it has sent its minimum of requests."""
    gevent.sleep(job.seconds)
    while done() < max(1, job.requests):
        gevent.sleep(0.01)


def _session(job: Job, directory: Path, done: Callable[[], int]) -> float:
    """Run the engine without Locust. Return its processor time."""
    commands = SessionCommands()
    session = Session(TrafficChildPlan(_traffic(job), {}, directory), commands)
    commands.begin("127.0.0.1", job.port)
    # As in LosslessUser.
    gc.freeze()
    began = time.process_time()
    work = gevent.spawn(session.run)
    _send(job, done)
    commands.end()
    work.get()
    return time.process_time() - began


def engine(job: Job) -> Result:
    """Run the engine with its ledger."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(job.folder or folder)
        return _counted(kept, _session(job, kept, lambda: _done(kept)))


def _counted(folder: Path, cpu: float) -> Result:
    outcomes = read_ledger(folder / "ledger-0.npy")["outcome"].tolist()
    missed = outcomes.count(Outcome.MISSED)
    return Result(len(outcomes) - missed, sum(outcome in LOSSES for outcome in outcomes), cpu, missed)


def _done(folder: Path) -> int:
    """Return the number of ended requests in the ledger below a folder; 0 if there is no ledger yet."""
    ledger = next(folder.rglob("ledger-0.npy"), None)
    return 0 if ledger is None else int(np.isin(read_ledger(ledger)["outcome"], _ENDED).sum())


def engine_without_ledger(job: Job) -> Result:
    """Run the engine without recording."""
    made: list[NullLedger] = []

    def done() -> int:
        return made[0].done if made else 0

    def make(*_: object, **__: object) -> NullLedger:
        made.append(NullLedger())
        return made[-1]

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(session_module, "LedgerWriter", make),
        mock.patch.object(session_module, "ConnectionLedger", NullLedger),
    ):
        cpu = _session(job, Path(folder), done)
    return Result(made[0].used - made[0].missed, 0, cpu, made[0].missed)


@contextmanager
def _running(user: type[locust.User], job: Job, users: int) -> Iterator[Environment]:
    """Run Locust with a number of users, without its command line."""
    environment = Environment(user_classes=[user], host=job.url, stop_timeout=TIMEOUT, events=locust.events)
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    yield environment
    runner.quit()
    runner.greenlet.join()


def lossless_user(job: Job) -> Result:
    """Run the engine as a Locust user, as ``harness run`` does: with ledger and Locust's statistics."""
    with tempfile.TemporaryDirectory() as folder:

        class Ours(LosslessUser):
            traffic = _traffic(job)
            out = Path(folder)

        began = time.process_time()
        with _running(Ours, job, 1):
            _send(job, lambda: _done(Path(folder)))
        cpu = time.process_time() - began
        (ledger,) = Path(folder).rglob("ledger-0.npy")
        return _counted(ledger.parent, cpu)


def fast_http_user(job: Job) -> Result:
    """Run Locust's FastHttpUser."""
    return _closed_loop(FastHttpUser, job)


def http_user(job: Job) -> Result:
    """Run Locust's HttpUser."""
    return _closed_loop(locust.HttpUser, job)


def _closed_loop(base: Any, job: Job) -> Result:
    headers = {} if job.reuse else {"Connection": "close"}

    class Theirs(base):  # type: ignore[misc] # Locust has no types
        @locust.task  # type: ignore[untyped-decorator] # as above
        def send(self) -> None:
            if job.post:
                self.client.post("/", data=b"attempt\n", headers=headers)
            else:
                self.client.get("/", headers=headers)

    began = time.process_time()
    with _running(Theirs, job, job.connections) as environment:
        _send(job, lambda: int(environment.stats.total.num_requests))
    total = environment.stats.total
    return Result(total.num_requests, total.num_failures, time.process_time() - began)


CLIENTS: dict[str, Callable[[Job], Result]] = {
    "lossless-user": lossless_user,
    "engine": engine,
    "engine-without-ledger": engine_without_ledger,
    "fast-http-user": fast_http_user,
    "http-user": http_user,
}


def main() -> None:
    """Do the jobs in turn. Print each result in a line."""
    logging.disable(logging.CRITICAL)
    for job in json.loads(sys.argv[1]):
        work = Job(**job)
        print(json.dumps(asdict(CLIENTS[work.client](work))), flush=True)


if __name__ == "__main__":
    main()
