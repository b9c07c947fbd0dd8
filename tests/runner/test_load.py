"""The measured load is a rate that was sent in time, and a run that asks for more says so beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import CommandLine

from harness.analysis.evidence import Rows
from harness.cli.traffic_options import TrafficWords, automatic_rate
from harness.errors import HarnessError, Problem
from harness.model.attempt import Outcome
from harness.model.experiment import Route, TrafficPlan
from harness.model.rates import Leg
from harness.runner.environment import describe_environment
from harness.runner.load import KEPT_MS, MeasuredLoad, load_advice, remembered_load, steps_kept
from harness.runner.options import RunOptions
from harness.store.ledger_format import ATTEMPT
from harness.store.records import to_json

STEPS, SECONDS = (100, 200, 400, 800), 0.5
PLAN = TrafficPlan(rate=(Leg(10, 3000, 5.0),), routes=(Route("/"),))


def ledger(late_ms: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> Rows:
    """Return the attempts of all steps, all answered, each step with a lateness of its own."""
    parts = []
    for number, (rate, late) in enumerate(zip(STEPS, late_ms, strict=True)):
        rows = np.zeros(int(rate * SECONDS), ATTEMPT)
        rows["planned"] = (number * SECONDS + np.arange(len(rows)) / rate) * 1e9
        rows["sent"] = rows["planned"] + round(late * 1e6)
        rows["outcome"] = Outcome.OK
        parts.append(rows)
    return np.concatenate(parts)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the remembered measurement, which does not exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "harness" / "load.json"


def remember(file: Path, rate: int, *, processor: str = "", is_limit: bool = True) -> None:
    """Write a measurement, of this machine by default."""
    processor = processor or describe_environment()["processor"]
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(to_json(MeasuredLoad(rate, is_limit, "2026-01-01T00:00:00+00:00", processor))))


def test_all_steps_are_kept() -> None:
    """Every request left in time and was answered."""
    assert steps_kept(ledger(), STEPS, SECONDS) == 4


@pytest.mark.parametrize(
    ("late", "kept"),
    [
        ((1, 1, KEPT_MS + 1, 90), 2),
        ((1, 1, KEPT_MS, 90), 3),
        ((90, 90, 1, 1), 0),
        ((1, 90, 1, 1), 4),
        ((90, 1, 90, 90), 2),
    ],
)
def test_late_requests_are_not_kept(late: tuple[float, ...], kept: int) -> None:
    """Two late steps in a row are the limit, whatever comes after; a single one is a stall."""
    assert steps_kept(ledger(late), STEPS, SECONDS) == kept


@pytest.mark.parametrize("outcome", [Outcome.MISSED, Outcome.STATUS, Outcome.CLIENT_FAULT, Outcome.UNFINISHED])
def test_a_request_without_its_answer_is_not_kept(outcome: Outcome) -> None:
    """One of them in each of the last two steps, and the steps were not kept."""
    rows = ledger()
    rows["outcome"][[-1, -500]] = outcome

    assert steps_kept(rows, STEPS, SECONDS) == 2


def test_a_step_that_was_cut_short_is_not_kept() -> None:
    """An early end of the measurement proves nothing of the rest; no request proves nothing at all."""
    assert steps_kept(ledger()[:-1], STEPS, SECONDS) == 3
    assert steps_kept(ledger()[:0], STEPS, SECONDS) == 0


def test_a_run_that_asks_for_more_is_warned(cache: Path) -> None:
    """The highest rate of all trials that run at once counts."""
    remember(cache, 4000)
    two = load_advice(PLAN, 8, RunOptions(parallel=2), shared=False)

    assert "2 trials at a time send up to 6,000 requests/s, more than this machine can send" in two
    assert "--parallel 1" in two
    assert load_advice(PLAN, 8, RunOptions(parallel=1), shared=False) == ""
    assert load_advice(PLAN, 8, RunOptions(parallel=2), shared=True) == ""
    assert load_advice(PLAN, 1, RunOptions(parallel=2), shared=False) == ""
    assert load_advice(PLAN, 8, RunOptions(parallel=2, expect_workers=2), shared=False) == ""


def test_a_machine_without_a_limit_warns_of_nothing(cache: Path) -> None:
    """It kept all steps: nobody knows that it can't send more."""
    remember(cache, 4000, is_limit=False)

    assert load_advice(PLAN, 8, RunOptions(parallel=2), shared=False) == ""


def test_an_unknown_limit_is_named_for_high_rates_alone(cache: Path) -> None:
    """A measurement of another machine is none; the shipped Experiments are left alone."""
    remember(cache, 9, processor="1 x Other")
    low = TrafficPlan(rate=100, routes=(Route("/"),))

    assert remembered_load() is None
    assert "harness doctor --load" in load_advice(PLAN, 1, RunOptions(), shared=False)
    assert load_advice(low, 1, RunOptions(), shared=False) == ""


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"rate": "x"}'])
def test_a_damaged_measurement_is_none(cache: Path, damage: str) -> None:
    """It is measured again in place of being trusted."""
    cache.parent.mkdir()
    cache.write_text(damage)

    assert remembered_load() is None


def test_the_automatic_rate_is_a_share(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """60 % of what this machine can send, and the line says so."""
    remember(cache, 4000)
    problems: list[Problem] = []
    request = TrafficWords(rate="auto").request(["http://127.0.0.1/"], problems)

    assert (request.rate, problems) == (2400.0, [])
    assert "--rate auto: 2400/s" in capfd.readouterr().err


def test_a_machine_that_keeps_nothing_up_has_no_automatic_rate(cache: Path) -> None:
    """Unknown is not a rate."""
    remember(cache, 0)
    with pytest.raises(HarnessError, match="busy"):
        automatic_rate()


@pytest.mark.e2e
def test_the_measurement_is_made_and_remembered(tmp_path: Path, cache: Path) -> None:
    """``doctor --load`` measures this machine and writes the result down."""
    command = CommandLine(tmp_path)
    done = command.run("doctor", "--load", "--json", env={"XDG_CACHE_HOME": str(tmp_path)})
    command.wait_for_none()
    measured = remembered_load()

    assert done.code in {0, 4}
    assert measured is not None
    assert measured.text in done.out
