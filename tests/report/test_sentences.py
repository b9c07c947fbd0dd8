"""Every finding has a sentence, and the answer at the top agrees with the cells."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from pages import visible_text
from rich.console import Console

from harness import wording
from harness.analysis.series import EMPTY_SERIES
from harness.findings.application import FalseGreen
from harness.findings.completeness import ChangeNotObserved
from harness.findings.connections import ConnectionsCut
from harness.findings.instrument import CalibrationNotExact, IdentityBroken, TrialFailed
from harness.findings.losses import RequestsLost
from harness.findings.registry import TYPES, WEIGHTS, explain, reasons
from harness.findings.sending import Unfinished
from harness.findings.stopping import CutShort, NotRun
from harness.model.timeline import Detail
from harness.model.verdict import (
    CellVerdict,
    Finding,
    Identity,
    RunVerdict,
    Verdict,
    Weight,
)
from harness.report import html, run_text, terminal
from harness.report.document import Document
from harness.report.formats import FORMATS
from harness.report.run import document
from harness.testing.reports import sample_run

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


@pytest.mark.parametrize("code", TYPES)
def test_every_finding_has_a_sentence(code: str) -> None:
    """Each code has whole sentences, even without numbers. A finding that spoils a verdict has advice."""
    sentence = explain(Finding(code))

    assert len(sentence.text.split()) > 3 or code == TrialFailed.code
    assert sentence.text.rstrip()[-1] in ".:"
    needs_none = code in {NotRun.code, CutShort.code}
    assert sentence.advice or WEIGHTS[code] in {Weight.LOSS, Weight.NOTE} or needs_none


@pytest.mark.parametrize(
    ("finding", "parts"),
    [
        (Finding(CalibrationNotExact.code, {"duplicates": 2}), ("2 requests", "sends requests again")),
        (
            Finding(
                CalibrationNotExact.code,
                {"fault": "hung", "planned": 8, "expected": "timeout-response", "found": "ok 8"},
            ),
            ("hung", "8 times", "timeout-response", "ok 8"),
        ),
        (Finding(CalibrationNotExact.code, {"fault": "hung", "planned": 8, "served": 7}), ("8", "7")),
        (Finding(TrialFailed.code, {"absent": 1, "planned": 3}), ("1 of 3 trials",)),
        (Finding(FalseGreen.code, {"image": "http-echo:0.2.3", "grace_s": 30.0}), ("http-echo:0.2.3", "30 s")),
        (Finding(RequestsLost.code, {"lost": 1, "sent": 9, "classes": "status 1"}), ("1 of 9", "was lost")),
        (Finding(Unfinished.code, {"trial": 2, "count": 1}), ("Trial 2:", "1 request ")),
        (Finding(ConnectionsCut.code, {"cut": 64, "pooled": 64, "lost_reused": 1}), ("64", "1 request on")),
        (Finding(ChangeNotObserved.code, {"begun": True, "times": 3, "missing": "a reload"}), ("a reload",)),
    ],
)
def test_a_sentence_has_its_numbers(finding: Finding, parts: tuple[str, ...]) -> None:
    """The counted numbers are in the text."""
    text = explain(finding).text

    assert [part for part in parts if part not in text] == []


def test_the_answer_names_what_is_against_expectation_and_what_is_unknown() -> None:
    """The sample has one unexpected loss and one inconclusive cell."""
    run = sample_run()

    assert run_text.answer(run) == (
        "1 of 15 cells lost requests against expectation: graceful × rolling-update (5 of 2,000); "  # noqa: RUF001
        "1 inconclusive: bare × ingress-edit."  # noqa: RUF001
    )
    assert run_text.totals(run).startswith("16,000 requests sent in 16 trials")


def test_the_answer_of_a_good_run() -> None:
    """All is as expected. With expected losses, it says that there are no others."""
    run = sample_run()
    expected = replace(run, cells=tuple(cell for cell in run.cells if cell.as_expected))
    good = replace(run, cells=tuple(cell for cell in run.cells if cell.verdict is Verdict.LOSSLESS))

    assert run_text.answer(expected) == (
        "Losses where they were expected and nowhere else: 5 of 13 cells are lossy, all as expected."
    )
    assert run_text.answer(good) == "No request was lost in any of 8 cells, as expected."
    assert run_text.answer(replace(run, cells=good.cells[:1])) == "No request was lost, as expected."
    assert run_text.by_configuration(good)[0] == ("bare", "loses nothing.")


def test_unknown_is_not_success() -> None:
    """With no loss but an inconclusive cell, the answer does not say that nothing was lost."""
    run = sample_run()
    unknown = next(cell for cell in run.cells if cell.verdict is Verdict.INCONCLUSIVE)

    assert run_text.answer(replace(run, cells=(run.cells[0], unknown))) == (
        "1 of 2 cells is inconclusive: bare × ingress-edit; the others are as expected."  # noqa: RUF001
    )
    assert run_text.answer(replace(run, cells=(unknown,))) == "No answer: no cell could be judged."
    assert run_text.answer(replace(run, cells=())) == "No answer: no cell could be judged."


def in_terminal(report: Document) -> str:
    """Return what a terminal of 110 columns shows."""
    out = io.StringIO()
    console = Console(file=out, width=110, highlight=False, color_system=None)
    console.print(terminal.render(report))
    return out.getvalue()


def stopped_run() -> RunVerdict:
    """Return the sample stopped by Ctrl-C: one cell was under way, and two had not started."""
    run = sample_run(("bare", "graceful"), ("none", "rolling-update", "ingress-edit"))

    def stop(cell: CellVerdict, code: str) -> CellVerdict:
        found, trial = (Finding(code, {"sent": 7, "lost": 1}),), cell.trials[0]
        if code == NotRun.code:
            nothing = Identity(0, 0, 0, 0, 0, 0, {}, 0)
            trial = replace(trial, identity=nothing, streams=(), calibration={}, marks=(), series=EMPTY_SERIES)
        trials = (replace(trial, verdict=Verdict.INCONCLUSIVE, findings=found),)
        sent = trial.identity.sent
        unknown = replace(cell, verdict=Verdict.INCONCLUSIVE, as_expected=False, findings=found, trials=trials)
        return replace(unknown, sent=sent, lost=min(sent, cell.lost))

    ends = {3: CutShort.code, 4: NotRun.code, 5: NotRun.code}
    cells = tuple(stop(cell, ends[n]) if n in ends else cell for n, cell in enumerate(run.cells))
    return replace(run, cells=cells, exit_code=3, signal=2)


def test_a_stopped_run_says_how_far_it_got() -> None:
    """It has one line instead of a failure for each cell that did not run, and no sum over them."""
    run = stopped_run()

    assert run_text.answer(run) == "Stopped by Ctrl-C: 2 of 6 cells have a result."
    assert "3,000 " not in run_text.totals(run)
    assert run_text.totals(run).startswith("4,000 requests sent in 4 trials")
    assert [cell.id for cell in run_text.notable(run)] == ["bare--ingress-edit"]
    assert (
        run_text.by_configuration(run)[1][1] == "was cut short in none; was not run in rolling-update and ingress-edit."
    )
    assert run_text.answer(replace(run, signal=9)).startswith("The run did not finish: 2 of 6")


def test_a_503_with_ready_pods_comes_from_a_reload() -> None:
    """Under an edit of the Ingress, another pod does not help. Under other changes it does."""
    numbers: Detail = {"lost": 6, "sent": 900, "classes": "status 6", "statuses": "503 × 6"}  # noqa: RUF001
    reload, gone, patch = (
        explain(Finding(RequestsLost.code, {**numbers, "change": change, "pods_stayed": stayed})).advice
        for change, stayed in (("ingress-edit", True), ("ingress-edit", False), ("rolling-update", True))
    )

    assert "old nginx workers" in reload
    assert "before this one ends" not in reload
    assert "before this one ends" in gone
    assert gone == patch


def test_behind_traefik_no_reload_is_blamed() -> None:
    """It has no reloads. An empty Service there means a missing route and another application's answer."""
    numbers: Detail = {"lost": 6, "sent": 900, "change": "ingress-edit", "pods_stayed": True, "drops_routes": True}
    status: Detail = {"classes": "status 6", "statuses": "503 × 3, 404 × 3"}  # noqa: RUF001
    answer: Detail = {"classes": "wrong-answer 6"}
    gone, wrong, elsewhere = (
        explain(Finding(RequestsLost.code, {**numbers, **more})).advice
        for more in (status, answer, {**answer, "drops_routes": False})
    )

    assert "reload" not in gone
    assert ["Traefik drops the route" in gone, "another application or version" in wrong] == [True, True]
    assert elsewhere == ""


def test_more_cuts_than_connections_make_sense() -> None:
    """Five reloads can cut the connections of a pool of 64 five times."""
    numbers = {"cut": 320, "pooled": 64, "times": 5, "by_rst": 0}
    many = explain(Finding(ConnectionsCut.code, numbers)).text
    few = explain(Finding(ConnectionsCut.code, {**numbers, "cut": 60})).text

    assert many.startswith("Kept-alive connections were cut 320 times by 5 changes: the client had 64 of them open")
    assert few.startswith("60 kept-alive connections were cut, of 64 that were open")


@pytest.mark.parametrize("render", [*(each.render for each in FORMATS), in_terminal])
def test_every_report_says_that_the_run_was_stopped(render: Callable[[Document], str]) -> None:
    """The headline has the progress, cells are marked, and no advice is given."""
    # The name of a counter in CTRF, not a word about this run.
    shown = visible_text(render(document(stopped_run()))).replace('"failed": 0', "")

    assert "Stopped by Ctrl-C: 2 of 6 cells have a result." in shown
    assert "not run" in shown
    assert "cut short" in shown
    assert [word for word in ("failed", "mend", "Add `none`", "Exit code 3") if word in shown] == []


def test_what_was_not_run_has_no_numbers_in_the_report() -> None:
    """There are no sums with a check mark and no tables of zeros. The exit code is the process's."""
    run = stopped_run()
    shown = html.render(document(replace(run, cells=run.cells[4:])))

    assert "Exit code 130" in shown
    assert [
        text for text in ("Both sums", "0.0 ms", "Detector", "0</strong> of 0", "Can't be trusted") if text in shown
    ] == []


def test_missing_and_different_losses_are_reported() -> None:
    """A cell without its expected loss is named, and so is one with a different loss."""
    lossy = next(cell for cell in sample_run().cells if cell.verdict is Verdict.LOSSY and cell.as_expected)
    run = replace(
        sample_run(),
        cells=(
            replace(lossy, as_expected=False),
            replace(lossy, verdict=Verdict.LOSSLESS, lost=0, as_expected=False),
        ),
    )

    assert "1 of 2 cells lost nothing although losses were expected" in run_text.answer(run)
    assert "1 lost requests in a different way than expected" in run_text.answer(run)


def test_false_greens_are_not_missed() -> None:
    """A cell that is lossless only because the application ignores SIGTERM has a warning."""
    run = sample_run()
    deaf = replace(run.cells[0], findings=(Finding(FalseGreen.code, {"pods": 1}),))

    told = run_text.warnings(replace(run, cells=(deaf,)))

    assert [(cell.id, "false green" in sentence.text) for cell, sentence in told] == [(deaf.id, True)]
    assert run_text.warnings(replace(run, cells=(replace(deaf, as_expected=False),))) == ()


def test_notable_cells_are_open() -> None:
    """Unexpected cells are open. If there are none, the first lossy one is."""
    run = sample_run()
    good = replace(run, cells=tuple(cell for cell in run.cells if cell.as_expected))

    assert run_text.opened(run) == {"bare--ingress-edit", "graceful--rolling-update"}
    assert run_text.opened(good) == {"bare--rolling-update"}


def test_a_loss_says_what_its_status_means_and_no_other() -> None:
    """A count that looks like a status is none: 503 requests lost by 502 are no 503s."""
    advice = explain(Finding(RequestsLost.code, {"classes": "status 503", "statuses": f"502 {chr(215)} 503"})).advice

    assert "502" in advice
    assert "503" not in advice


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("value", ["text", float("nan"), float("inf"), -1, True, 10**12])
def test_strange_numbers_never_break_a_report(code: str, value: str | float) -> None:
    """Any value recorded by another version gives a sentence."""
    numbers = dict.fromkeys(NAMES, value)

    assert explain(Finding(code, numbers)).text


def test_findings_are_ordered_by_weight() -> None:
    """The order in which they were found does not matter."""
    cell = replace(
        sample_run().cells[0],
        findings=tuple(
            Finding(code)
            for code in (
                ConnectionsCut.code,
                Unfinished.code,
                RequestsLost.code,
                IdentityBroken.code,
            )
        ),
    )

    assert [weight for weight, _ in reasons(cell.findings)] == list(Weight)


def test_a_small_share_is_not_rounded_to_nothing() -> None:
    """One request in a hundred thousand is not 0.0 %."""
    assert (wording.share(1, 100_000), wording.share(0, 10), wording.share(1, 8)) == ("< 0.1 %", "0.0 %", "12.5 %")
