"""Synthetic runs of many trials with given verdicts, for tests and measurements of comparisons and histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from harness.judging.compared_runs import compare_runs, suspects
from harness.model.comparison import RunComparison
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


def drawn_run(shares: Mapping[str, float], trials: int, chance: Random) -> RunVerdict:
    """Return a run whose transitions are lossy with the given probabilities.

    Args:
        shares: Probability by the name of the cell's configuration.
        trials: Number of trials of each cell.
        chance: Source of randomness.
    """
    return run_of({name: "".join(".x"[chance.random() < p] for _ in range(trials)) for name, p in shares.items()})


def drawn_comparison(
    before: Mapping[str, float], after: Mapping[str, float], chance: Random, *, trials: int, repeat: int
) -> RunComparison:
    """Compare two drawn runs as ``harness compare`` does: look, repeat what looks different, decide."""
    first, second = drawn_run(before, trials, chance), drawn_run(after, trials, chance)
    chosen = [cell.partition("--")[0] for cell in suspects(first, second)] if repeat else []
    again = None
    if chosen:
        sides = [drawn_run({name: side[name] for name in chosen}, repeat, chance) for side in (before, after)]
        again = sides[0], sides[1]
    return compare_runs(first, second, again, repeat)


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
