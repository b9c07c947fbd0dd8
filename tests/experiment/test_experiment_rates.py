"""The forms of a rate, in an Experiment and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.experiment.rates import parse_rate
from harness.model.rates import Leg, Rate

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

STEPS = "[{rate: 100/s, for: 10s}, {from: 100/s, to: 300/s, over: 20s}, {rate: 600/m}]"
FORMS = [
    ("200/s", 200.0),
    ("600/m", 10.0),
    ("{from: 50/s, to: 500/s, over: 30s}", (Leg(50.0, 500.0, 30.0),)),
    (STEPS, (Leg(100.0, 100.0, 10.0), Leg(100.0, 300.0, 20.0), Leg(10.0, 10.0, 1.0))),
]


@pytest.mark.parametrize(("text", "rate"), FORMS)
def test_a_rate_is_read_from_the_command_line(text: str, rate: Rate) -> None:
    """One rate, a ramp, and steps, as in an Experiment."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("200", "with a unit: 200/s"),
        ("fast", "a rate such as 200/s"),
        ("{from: 50/s", "a ramp"),
        ("{from: 50/s, to: 5}", "with a unit: 5/s.*over is required|over is required.*with a unit: 5/s"),
        ("[{rate: 5/s}, {rate: 6/s}]", "only the last one may go on"),
        ("[5/s]", "a map"),
    ],
)
def test_another_value_than_a_rate_is_refused_with_the_expectation(text: str, words: str) -> None:
    """The message has every error at once."""
    with pytest.raises(ValueError, match=words):
        parse_rate(text)


@pytest.mark.parametrize("rate", ["{from: 50/s, to: 300/s, over: 30s}", "[{rate: 100/s, for: 10s}, {rate: 300/s}]"])
def test_a_rate_with_steps_is_part_of_the_plan(bench: Bench, rate: str) -> None:
    """Random arrivals and their seed too."""
    bench.edit("small.yaml", "rate: 100/s", f"rate: {rate}\n  arrivals: poisson\n  seed: 7\n  concurrency: 2000")
    traffic = bench.load().traffic

    assert (traffic.rate, traffic.arrivals, traffic.seed) == (parse_rate(rate), "poisson", 7)
