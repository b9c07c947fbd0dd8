"""Synthetic runs of many trials with given verdicts, for tests and measurements of comparisons and histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from harness.model.verdict import CellVerdict, RunVerdict, Verdict
from harness.testing.reports import sample_run

#: Letters for verdicts: lossless, lossy, inconclusive.
LETTERS = {".": Verdict.LOSSLESS, "x": Verdict.LOSSY, "?": Verdict.INCONCLUSIVE}
_WORST = (Verdict.LOSSY, Verdict.INCONCLUSIVE, Verdict.LOSSLESS)


def run_of(cells: Mapping[str, str]) -> RunVerdict:
    """Return a run whose cells are expected to be lossless.

    Args:
        cells: A letter of ``LETTERS`` for each trial, by the configuration's name: ``{"graceful": "..x?"}``.
    """
    made = tuple(_cell(name, [LETTERS[letter] for letter in letters]) for name, letters in cells.items())
    return replace(
        _model(),
        cells=made,
        configurations=tuple(cells),
        changes=("rolling-update",),
        exit_code=int(any(cell.verdict is Verdict.LOSSY for cell in made)),
    )


@cache
def _model() -> RunVerdict:
    return sample_run()


def _cell(name: str, verdicts: Sequence[Verdict]) -> CellVerdict:
    model = next(cell for cell in _model().cells if cell.id == "graceful--rolling-update")
    lossy, lossless = model.trials
    trials = tuple(
        replace(lossy if verdict is Verdict.LOSSY else lossless, number=number, verdict=verdict)
        for number, verdict in enumerate(verdicts, 1)
    )
    verdict = min(verdicts, key=_WORST.index, default=Verdict.INCONCLUSIVE)
    return replace(
        model,
        id=f"{name.replace('/', '+')}--rolling-update",
        configuration=name,
        verdict=verdict,
        as_expected=verdict is Verdict.LOSSLESS,
        findings=tuple(finding for trial in trials for finding in trial.findings),
        trials=trials,
        sent=sum(trial.identity.sent for trial in trials),
        lost=sum(trial.identity.lost_total for trial in trials),
        cut=0,
    )
