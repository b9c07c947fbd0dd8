"""Each input as people have it gets the right answer: a valid Experiment, or every problem with its code and line."""

from __future__ import annotations

from typing import Any

import pytest
from people import INPUTS, PAGE, answer_to, answers, page

ANSWERS = answers()


@pytest.mark.parametrize("expected", ANSWERS, ids=[each["input"] for each in ANSWERS])
def test_an_input_gets_its_answer(expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """No program renders anything, as on a machine without kubectl and helm."""
    monkeypatch.setenv("PATH", "")
    right = {part: value for part, value in expected.items() if part not in {"input", "about"}}

    assert answer_to(expected["input"]) == right


def test_every_input_has_one_answer() -> None:
    """There are at least 60, of all the kinds that people bring, and ten charts at their real size."""
    names = [each["input"] for each in ANSWERS]

    assert names == sorted(path.name for path in INPUTS.iterdir())
    assert len(names) >= 60
    assert sum(name.startswith("real-") for name in names) == 10
    assert {name.partition("-")[0] for name in names} >= {"chart", "docs", "dump", "folder", "nginx", "none", "wrong"}


def test_the_page_is_current() -> None:
    """After a change of the answers, the page must be generated again."""
    assert PAGE.read_text(encoding="utf-8") == page(ANSWERS)


def test_the_page_has_every_answer() -> None:
    """An answer that is not on the page would be tested and not documented."""
    text = page(ANSWERS)

    assert all(each["about"] in text for each in ANSWERS)
