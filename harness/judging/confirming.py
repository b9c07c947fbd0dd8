"""Judges the repetitions of cells with unexpected losses: how often they lose again, and which findings differ then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from statistics import median

from harness.analysis.proportions import clopper_pearson, fisher
from harness.findings.losses import RequestsLost
from harness.judging.compared_runs import transitions
from harness.model.comparison import TransitionCounts
from harness.model.confirmation import ConfirmedCell, ConfirmedState, FindingShare
from harness.model.verdict import CellVerdict, RunVerdict, TrialVerdict, Verdict

#: Confidence level of the rate.
_CONFIDENCE = 0.95
_TIMES: Mapping[str, Callable[[TrialVerdict], float]] = {
    "lateness p99 (ms)": lambda trial: trial.lateness_ms.get("p99", 0.0),
    "median latency (ms)": lambda trial: trial.latency.p50,
    "duration of the change (s)": lambda trial: next(
        (p.end - p.start for p in trial.phases if p.label == "change"), 0.0
    ),
}


def confirm_cells(repeated: RunVerdict, ids: Collection[str]) -> tuple[ConfirmedCell, ...]:
    """Return the cells with these ids and what their repetitions show."""
    found = transitions(repeated)
    return tuple(_confirmed(cell, found[cell.id]) for cell in repeated.cells if cell.id in ids)


def _confirmed(cell: CellVerdict, found: TransitionCounts) -> ConfirmedCell:
    lossy = [trial for trial in cell.trials if trial.verdict is Verdict.LOSSY]
    lossless = [trial for trial in cell.trials if trial.verdict is Verdict.LOSSLESS]
    has_both = bool(found.lossy and found.lossless)
    return ConfirmedCell(
        id=cell.id,
        configuration=cell.configuration,
        change=cell.change,
        state=_state(found),
        repeated=found,
        rate=clopper_pearson(*found.share, _CONFIDENCE),
        differences=tuple(_differences(lossy, lossless)) if has_both else (),
        times=_times(lossy, lossless) if has_both else {},
    )


def _state(found: TransitionCounts) -> ConfirmedState:
    if not found.count:
        return ConfirmedState.UNKNOWN
    if not found.lossy:
        return ConfirmedState.NOT_AGAIN
    return ConfirmedState.SOMETIMES if found.lossless else ConfirmedState.ALWAYS


def _differences(lossy: Sequence[TrialVerdict], lossless: Sequence[TrialVerdict]) -> Iterator[FindingShare]:
    """Yield the findings that are more frequent in one of both than in the other, apart from the losses themselves."""
    trials = (*lossy, *lossless)
    codes = {finding.code for trial in trials for finding in trial.findings} - {RequestsLost.code}
    shares = [
        FindingShare(code=code, lossy=_having(code, lossy), lossless=_having(code, lossless)) for code in sorted(codes)
    ]
    clear = [each for each in shares if each.lossy[0] * each.lossless[1] != each.lossless[0] * each.lossy[1]]
    yield from sorted(clear, key=lambda each: fisher(each.lossy, each.lossless))


def _having(code: str, trials: Sequence[TrialVerdict]) -> tuple[int, int]:
    return sum(any(finding.code == code for finding in trial.findings) for trial in trials), len(trials)


def _times(lossy: Sequence[TrialVerdict], lossless: Sequence[TrialVerdict]) -> dict[str, tuple[float, float]]:
    return {
        name: (round(median(map(measure, lossy)), 3), round(median(map(measure, lossless)), 3))
        for name, measure in _TIMES.items()
    }
