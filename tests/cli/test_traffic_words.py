"""The options of ``harness watch`` and ``run --in-place`` that describe traffic."""

from __future__ import annotations

import pytest

from harness.cli.traffic_options import DEFAULTS, TrafficWords
from harness.errors import Problem
from harness.model.shapes import DEFAULT_SHAPES, Shape


def test_shapes_are_words_some_of_which_have_a_time() -> None:
    """The time stands behind the word, so that a shape needs no option of its own."""
    problems: list[Problem] = []
    request = TrafficWords(connections="new, preopened=1500ms,idle=2s").request(["http://a/"], problems)

    assert request.shapes == (Shape.NEW, Shape.PREOPENED, Shape.IDLE)
    assert request.durations == {Shape.PREOPENED: 1.5, Shape.IDLE: 2.0}
    assert problems == []


def test_the_usual_shapes_are_those_of_a_plan() -> None:
    """One default for files and options."""
    assert DEFAULTS.request(["http://a/"], []).shapes == DEFAULT_SHAPES


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("newish", "--connections 'newish' is not known: expected some of new, reused, idle, preopened"),
        ("slow=2s", "--connections 'slow' is not known"),
        ("new=2s", "--connections new takes no time"),
        ("preopened=soon", "--connections preopened 'soon'"),
        ("preopened=0s", "expected more than 0"),
        ("idle=2s,idle=3s", "--connections names idle twice"),
        ("", "is empty"),
    ],
)
def test_a_word_that_makes_no_sense_is_a_problem(words: str, text: str) -> None:
    """Each of them names the option."""
    problems: list[Problem] = []
    TrafficWords(connections=words).request(["http://a/"], problems)

    assert [problem.message for problem in problems if text in problem.message]
