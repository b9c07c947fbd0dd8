"""Measures how many requests per second this machine can send without falling behind, and remembers it.

One sender, as a trial has it, sends to a server on this machine in steps of a growing rate. A step is kept if every
request left in time and was answered. The result is the last step that was kept before two in a row were not: one
failed step may be due to a passing stall. So it is a rate at which this machine really sent.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from harness.analysis.evidence import Rows
from harness.errors import HarnessError
from harness.kit.files import write_text
from harness.kit.waiting import wait_until
from harness.model.attempt import Outcome
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.rates import Leg, highest_rate
from harness.runner.environment import describe_environment
from harness.runner.options import RunOptions, cores
from harness.store.ledger import read_ledger
from harness.store.records import from_json, to_json
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.process import TrafficChild
from harness.wording import count

#: Requests per second of each step, and the seconds that it lasts: ten seconds in all.
STEPS = tuple(round(250 * 1.25**number) for number in range(20))
STEP_SECONDS = 0.5
#: The longest delay in milliseconds within which 99 % of a step's requests must leave. Below capacity the delay is a
#: few milliseconds; in a step 10 % above capacity it grows to 50.
KEPT_MS = 25.0
#: The share of the measured rate that ``--rate auto`` sends: the rest is for the cluster, the application and others.
AUTO_SHARE = 0.6
#: Requests per second from which a run without a measurement says that there is none.
UNPROVEN = 1000
#: Slots that could not be sent, after which the measurement ends early: higher rates only burden the machine.
_HOPELESS = 500
_READY_SECONDS = 300.0
_DRAIN_SECONDS = 60.0
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class MeasuredLoad:
    """The result of a measurement.

    Attributes:
        rate: Requests per second that one sender kept up; 0 if it kept none of the steps.
        is_limit: False if it kept all steps, so that it can send more.
        measured: Time of the measurement, ISO 8601, UTC.
        processor: The processor on which it was made.
    """

    rate: int
    is_limit: bool
    measured: str
    processor: str

    @property
    def text(self) -> str:
        """Return the result as a phrase."""
        if not self.rate:
            return f"less than {STEPS[0]} requests/s: the machine is busy"
        return f"{'' if self.is_limit else 'at least '}{count(self.rate)} requests/s by one sender"

    @property
    def automatic(self) -> int:
        """Return the requests per second of ``--rate auto``."""
        return max(1, int(self.rate * AUTO_SHARE))


def measure_load(steps: Sequence[int] = STEPS, seconds: float = STEP_SECONDS) -> MeasuredLoad:
    """Measure, for ten seconds, and remember the result for this user.

    Args:
        steps: Requests per second of each step, growing.
        seconds: Length of a step.

    Raises:
        HarnessError: The sender or its target could not start.
    """
    traffic = TrafficPlan(
        rate=tuple(Leg(rate, rate, seconds) for rate in steps),
        routes=(Route("/fault/ok"),),
        pool=Pool(size=64),
        concurrency=4000,
    )
    with tempfile.TemporaryDirectory(prefix="harness-load-") as name:
        folder = Path(name)
        plan = TrafficChildPlan(traffic=traffic, answers={}, directory=folder / "traffic")
        plan.directory.mkdir()
        with FaultyServer.start(folder / "target") as server, TrafficChild.start(plan) as child:
            child.wait_ready(_READY_SECONDS)
            child.go(server.address, server.port, seconds=len(steps) * seconds)
            total = sum(round(rate * seconds) for rate in steps)

            def over() -> bool:
                numbers = child.counts().by_outcome
                return numbers[Outcome.MISSED] > _HOPELESS or sum(numbers) >= total - len(steps)

            wait_until(over, timeout=len(steps) * seconds + _DRAIN_SECONDS, what="the end of the measurement")
            child.stop()
            child.wait_drained(traffic.timeout + _DRAIN_SECONDS)
        kept = steps_kept(read_ledger(plan.directory / "ledger-0.npy"), steps, seconds)
    measured = MeasuredLoad(
        rate=steps[kept - 1] if kept else 0,
        is_limit=kept < len(steps),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=describe_environment()["processor"],
    )
    write_text(_file(), json.dumps(to_json(measured), sort_keys=True) + "\n")
    return measured


def steps_kept(rows: Rows, steps: Sequence[int], seconds: float) -> int:
    """Return the number of the last step that was kept before two in a row were not, from 1; 0 if none was.

    Args:
        rows: The attempts.
        steps: Requests per second of each step.
        seconds: Length of a step.
    """
    of_step = np.minimum(rows["planned"] // round(seconds * _NS), len(steps) - 1)
    last = 0
    for number, rate in enumerate(steps, start=1):
        if _is_kept(rows[of_step == number - 1], int(rate * seconds)):
            last = number
        elif number - last >= 2:
            break
    return last


def _is_kept(rows: Rows, planned: int) -> bool:
    """Return True if all requests of a step were answered, and 99 % of them left in time."""
    # A step that was stopped early has too few requests, and proves nothing.
    if len(rows) < planned or (rows["outcome"] != Outcome.OK).any():
        return False
    return float(np.percentile((rows["sent"] - rows["planned"]) / 1e6, 99)) <= KEPT_MS


def remembered_load() -> MeasuredLoad | None:
    """Return the last measurement of this user on this processor; None if there is none."""
    try:
        found = from_json(MeasuredLoad, json.loads(_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, HarnessError):
        return None
    return found if found.processor == describe_environment()["processor"] else None


def load_advice(traffic: TrafficPlan, trials: int, options: RunOptions, *, shared: bool) -> str:
    """Return a warning if a run asks for more than this machine is known to send; empty if it does not.

    Args:
        traffic: The traffic of each trial.
        trials: Number of trials.
        options: Options of the run.
        shared: Trials run one after the other, on one cluster.
    """
    if options.expect_workers:
        return ""  # other machines send, too
    at_once = 1 if shared else min(trials, options.parallel or cores())
    wanted = highest_rate(traffic.rate) * at_once
    trials_text = f"{at_once} trials at a time send" if at_once > 1 else "a trial sends"
    measured = remembered_load()
    if measured is None:
        if wanted < UNPROVEN:
            return ""
        return (
            f"{trials_text} up to {count(round(wanted))} requests/s, and it is unknown whether this machine can: "
            "harness doctor --load measures it"
        )
    if not measured.is_limit or wanted <= measured.rate:
        return ""
    fewer = "; --parallel 1 runs one trial at a time" if at_once > 1 else ""
    return (
        f"{trials_text} up to {count(round(wanted))} requests/s, more than this machine can send without falling "
        f"behind ({measured.text}): expect inconclusive cells{fewer}"
    )


def _file() -> Path:
    """Return the file with the last measurement."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "harness" / "load.json"
