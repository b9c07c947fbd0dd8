"""Every finding can be told, and the answer at the top says what the cells say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model.verdict import WEIGHTS, Finding, FindingCode, Verdict, Weight
from harness.report import answer, words
from harness.report.sample import sample_run
from harness.report.sentences import explain


@pytest.mark.parametrize("code", FindingCode)
def test_every_finding_has_a_sentence(code: FindingCode) -> None:
    """Each code, even without numbers, is told in whole sentences; what spoils a verdict says what to do."""
    sentence = explain(Finding(code))

    assert len(sentence.text.split()) > 3 or code is FindingCode.TRIAL_FAILED
    assert sentence.text.rstrip()[-1] in ".:"
    assert sentence.advice or WEIGHTS[code] in {Weight.LOSS, Weight.NOTE}


@pytest.mark.parametrize(
    ("finding", "parts"),
    [
        (Finding(FindingCode.CALIBRATION_NOT_EXACT, {"duplicates": 2}), ("2 requests", "re-sends")),
        (
            Finding(
                FindingCode.CALIBRATION_NOT_EXACT,
                {"fault": "hung", "planned": 8, "expected": "timeout-response", "found": "ok 8"},
            ),
            ("hung", "8 times", "timeout-response", "ok 8"),
        ),
        (Finding(FindingCode.CALIBRATION_NOT_EXACT, {"fault": "hung", "planned": 8, "served": 7}), ("8", "7")),
        (Finding(FindingCode.TRIAL_FAILED, {"absent": 1, "planned": 3}), ("1 of 3 trials",)),
        (Finding(FindingCode.FALSE_GREEN, {"image": "http-echo:0.2.3", "grace_s": 30.0}), ("http-echo:0.2.3", "30 s")),
        (Finding(FindingCode.UNFINISHED, {"trial": 2, "count": 1}), ("Trial 2:", "1 request ")),
        (Finding(FindingCode.CONNECTIONS_CUT, {"cut": 64, "pooled": 64, "lost_reused": 1}), ("64", "1 request on")),
        (Finding(FindingCode.CHANGE_NOT_OBSERVED, {"begun": True, "times": 3, "missing": "a reload"}), ("a reload",)),
    ],
)
def test_a_sentence_has_its_numbers(finding: Finding, parts: tuple[str, ...]) -> None:
    """What was counted is in the text."""
    text = explain(finding).text

    assert [part for part in parts if part not in text] == []


def test_the_answer_counts_what_is_lost_surprising_and_unknown() -> None:
    """The sample loses in two cells, one against expectation, and one is unknown."""
    run = sample_run()

    assert answer.headline(run) == "Requests were lost in 2 of 5 cells."
    assert "1 cell is not as expected: graceful" in answer.standing(run)
    assert "1 cell is inconclusive: bare" in answer.standing(run)
    assert answer.totals(run).startswith("5,000 requests sent in 5 trials")


def test_the_answer_of_a_good_run() -> None:
    """Nothing lost, all as expected."""
    run = sample_run()
    good = replace(run, cells=tuple(cell for cell in run.cells if cell.verdict is Verdict.LOSSLESS))

    assert answer.headline(good) == "No request was lost in any of 2 cells."
    assert answer.standing(good) == "Every cell is as expected."
    assert answer.by_configuration(good) == (("bare", "loses nothing."), ("graceful", "loses nothing."))


def test_unknown_is_not_told_as_success() -> None:
    """With nothing lost but a cell unknown, the headline does not say that nothing was lost."""
    run = sample_run()
    weak = replace(run, cells=tuple(cell for cell in run.cells if cell.verdict is not Verdict.LOSSY))

    assert answer.headline(weak) == "No request was lost in 2 of 3 cells; the rest is unknown."
    assert answer.headline(replace(run, cells=(run.cells[2],))) == "No answer: no cell could be judged."


def test_what_decides_is_told_first() -> None:
    """Findings are in the order of their weight, whatever order they were found in."""
    cell = replace(
        sample_run().cells[0],
        findings=tuple(
            Finding(code)
            for code in (
                FindingCode.CONNECTIONS_CUT,
                FindingCode.UNFINISHED,
                FindingCode.REQUESTS_LOST,
                FindingCode.IDENTITY_BROKEN,
            )
        ),
    )

    assert [weight for weight, _ in answer.reasons(cell)] == list(Weight)


def test_a_small_share_is_not_rounded_to_nothing() -> None:
    """One request in a hundred thousand is not 0.0 %."""
    assert (words.share(1, 100_000), words.share(0, 10), words.share(1, 8)) == ("< 0.1 %", "0.0 %", "12.5 %")
