"""A synthetic run of releases, for parts of a report that only releases have. Nothing of it was measured."""

from __future__ import annotations

from dataclasses import replace

from harness.findings.losses import AnsweredOutOfTurn
from harness.findings.releases import ShareNotAsAsked
from harness.findings.remarks import CandidatesDiffer, RolledBack
from harness.model.verdict import CellVerdict, Finding, RunVerdict, Verdict
from harness.model.version_answers import CandidateResult, Comparison, Interval, MeasuredShare, VersionAnswers
from harness.testing.reports import sample_run

_USUAL, _WIDE = 0.99, 1 - 1e-6


def sample_releases() -> RunVerdict:
    """Return a run with a canary whose second step got a wrong share, and an A/B test whose candidates differ."""
    run = sample_run(("graceful",), ("none", "selector-patch"))
    canary, test = _canary(run.cells[0]), _test(run.cells[1])
    return replace(run, cells=(canary, test), changes=("canary", "ab-test"), exit_code=3)


def _canary(cell: CellVerdict) -> CellVerdict:
    splits = (
        _split(1, 0.1, 488, (0.087, 0.109), (0.0789, 0.119)),
        _split(2, 0.5, 2300, (0.4418, 0.4783), (0.4256, 0.4946)),
    )
    wrong = {
        "n": 1, "step": 2, "asked": 0.5, "counted": 5000, "new": 2300, "low": 0.4418, "high": 0.4783,
        "wide_low": 0.4256, "wide_high": 0.4946, "sessions": False, "seconds": 25.0,
    }  # fmt: skip
    found = (
        Finding(ShareNotAsAsked.code, wrong),
        Finding(RolledBack.code, {"step": 2, "lost": 3}),
    )
    count = len(cell.trials[0].series.sent)
    bins = (tuple(25 - index // 4 for index in range(count)), tuple(index // 4 for index in range(count)))
    trial = replace(
        cell.trials[0],
        verdict=Verdict.INCONCLUSIVE,
        findings=found,
        answering=VersionAnswers(splits=splits, old=bins[0], new=bins[1]),
    )
    return replace(
        cell,
        id="graceful--canary",
        change="canary",
        change_kind="canary",
        verdict=Verdict.INCONCLUSIVE,
        as_expected=False,
        findings=found,
        trials=(trial,),
    )


def _split(step: int, asked: float, new: int, usual: tuple[float, float], wide: tuple[float, float]) -> MeasuredShare:
    start = 3.0 + 2 * step
    return MeasuredShare(1, step, start, start + 1, asked, 5000, new, Interval(*usual, _USUAL), Interval(*wide, _WIDE))


def _test(cell: CellVerdict) -> CellVerdict:
    a = CandidateResult("A", 500, 500, {}, 498, 1.4, 9.2, 24.0)
    b = CandidateResult("B", 500, 497, {"status": 2, "wrong-answer": 1}, 450, 2.8, 240.0, 311.0)
    differ = {"a_successes": 498, "a_sent": 500, "b_successes": 450, "b_sent": 500, "latency_s": 0.2, "p_value": 2e-11}
    found = (
        Finding(AnsweredOutOfTurn.code, {"late": 1, "change": "ab-test"}),
        Finding(CandidatesDiffer.code, {**differ, "method": "z"}),
    )
    test = VersionAnswers(candidates=(a, b), comparison=Comparison(0.2, 2e-11, "z"))
    trial = replace(cell.trials[0], findings=found, answering=test)
    return replace(
        cell, id="graceful--ab-test", change="ab-test", change_kind="ab-test", findings=found, trials=(trial,)
    )
