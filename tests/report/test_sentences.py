"""Every finding can be told, and the answer at the top says what the cells say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model.verdict import WEIGHTS, Finding, FindingCode, Verdict, Weight
from harness.report import sentences, words
from harness.report.sample import sample_run
from harness.report.sentences import explain

#: Names of numbers in findings of every kind.
NAMES = (
    *("trial", "fault", "planned", "expected", "found", "served", "duplicates", "failure", "rows", "foreign", "count"),
    *(
        "unknown_outcomes",
        "end_known",
        "lost",
        "classes",
        "early_answers",
        "sent",
        "check",
        "error",
        "absent",
        "trials",
    ),
    *("statuses", "first_s", "last_s", "lost_get", "lost_post", "lost_new", "lost_reused", "method", "path", "shape"),
    *("begun", "times", "applied", "observed", "missing", "before", "during", "after", "gap_s", "p99_ms", "max_ms"),
    *("limit_ms", "seconds", "pods", "grace_s", "image", "cut", "by_rst", "pooled", "looks", "size", "deadline_s"),
    *("message", "expected_s", "found_s", "window_s"),
)


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
        (Finding(FindingCode.REQUESTS_LOST, {"lost": 1, "sent": 9, "classes": "status 1"}), ("1 of 9", "was lost")),
        (Finding(FindingCode.UNFINISHED, {"trial": 2, "count": 1}), ("Trial 2:", "1 request ")),
        (Finding(FindingCode.CONNECTIONS_CUT, {"cut": 64, "pooled": 64, "lost_reused": 1}), ("64", "1 request on")),
        (Finding(FindingCode.CHANGE_NOT_OBSERVED, {"begun": True, "times": 3, "missing": "a reload"}), ("a reload",)),
    ],
)
def test_a_sentence_has_its_numbers(finding: Finding, parts: tuple[str, ...]) -> None:
    """What was counted is in the text."""
    text = explain(finding).text

    assert [part for part in parts if part not in text] == []


def test_the_answer_names_what_is_against_expectation_and_what_is_unknown() -> None:
    """The sample loses once against expectation, and one cell is unknown."""
    run = sample_run()

    assert sentences.answer(run) == (
        "1 of 15 cells lost requests against expectation: graceful × rolling-update (5 of 2,000); "  # noqa: RUF001
        "1 inconclusive: bare × ingress-edit."  # noqa: RUF001
    )
    assert sentences.totals(run).startswith("16,000 requests sent in 16 trials")


def test_the_answer_of_a_good_run() -> None:
    """Nothing lost, all as expected; with expected losses, it says that there are no others."""
    run = sample_run()
    expected = replace(run, cells=tuple(cell for cell in run.cells if cell.as_expected))
    good = replace(run, cells=tuple(cell for cell in run.cells if cell.verdict is Verdict.LOSSLESS))

    assert sentences.answer(expected) == (
        "Losses where they were expected and nowhere else: 5 of 13 cells are lossy, all as expected."
    )
    assert sentences.answer(good) == "No request was lost in any of 8 cells, as expected."
    assert sentences.answer(replace(run, cells=good.cells[:1])) == "No request was lost, as expected."
    assert sentences.by_configuration(good)[0] == ("bare", "loses nothing.")


def test_unknown_is_not_told_as_success() -> None:
    """With nothing lost but a cell unknown, the answer does not say that nothing was lost."""
    run = sample_run()
    unknown = next(cell for cell in run.cells if cell.verdict is Verdict.INCONCLUSIVE)

    assert sentences.answer(replace(run, cells=(run.cells[0], unknown))) == (
        "1 of 2 cells is inconclusive: bare × ingress-edit; the others are as expected."  # noqa: RUF001
    )
    assert sentences.answer(replace(run, cells=(unknown,))) == "No answer: no cell could be judged."
    assert sentences.answer(replace(run, cells=())) == "No answer: no cell could be judged."


def test_no_loss_and_other_loss_than_expected_are_said() -> None:
    """A cell that was to lose and did not is told as such, and so is one that lost in another way."""
    lossy = next(cell for cell in sample_run().cells if cell.verdict is Verdict.LOSSY and cell.as_expected)
    run = replace(
        sample_run(),
        cells=(
            replace(lossy, as_expected=False),
            replace(lossy, verdict=Verdict.LOSSLESS, lost=0, as_expected=False),
        ),
    )

    assert "1 of 2 cells lost nothing although losses were expected" in sentences.answer(run)
    assert "1 lost requests in another way than expected" in sentences.answer(run)


def test_false_greens_are_not_missed() -> None:
    """A cell that is as expected, but only because the application ignores SIGTERM, is warned of."""
    run = sample_run()
    deaf = replace(run.cells[0], findings=(Finding(FindingCode.FALSE_GREEN, {"pods": 1}),))

    told = sentences.warnings(replace(run, cells=(deaf,)))

    assert [(cell.id, "false green" in sentence.text) for cell, sentence in told] == [(deaf.id, True)]
    assert sentences.warnings(replace(run, cells=(replace(deaf, as_expected=False),))) == ()


def test_what_needs_a_reader_is_unfolded() -> None:
    """Cells against expectation; where there are none, the first lossy one."""
    run = sample_run()
    good = replace(run, cells=tuple(cell for cell in run.cells if cell.as_expected))

    assert sentences.opened(run) == {"bare--ingress-edit", "graceful--rolling-update"}
    assert sentences.opened(good) == {"bare--rolling-update"}


def test_a_loss_says_what_its_status_means_and_no_other() -> None:
    """A count that looks like a status is none: 503 requests lost by 502 are no 503s."""
    advice = explain(
        Finding(FindingCode.REQUESTS_LOST, {"classes": "status 503", "statuses": f"502 {chr(215)} 503"})
    ).advice

    assert "502" in advice
    assert "503" not in advice


@pytest.mark.parametrize("code", FindingCode)
@pytest.mark.parametrize("value", ["text", float("nan"), float("inf"), -1, True, 10**12])
def test_strange_numbers_never_break_a_report(code: FindingCode, value: str | float) -> None:
    """Whatever an older or newer version recorded under a name, a sentence comes of it."""
    numbers = dict.fromkeys(NAMES, value)

    assert explain(Finding(code, numbers)).text


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

    assert [weight for weight, _ in sentences.reasons(cell)] == list(Weight)


def test_a_small_share_is_not_rounded_to_nothing() -> None:
    """One request in a hundred thousand is not 0.0 %."""
    assert (words.share(1, 100_000), words.share(0, 10), words.share(1, 8)) == ("< 0.1 %", "0.0 %", "12.5 %")
