"""Trials to cells, and cells to the run: the control's say, what was expected, and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.analysis.evidence import RunFacts
from harness.analysis.judge import verdict_of
from harness.analysis.thresholds import exported
from harness.errors import ExitCode
from harness.model.experiment import Cell, Expectation, Expected
from harness.model.verdict import CellVerdict, Finding, FindingCode, RunVerdict, TrialVerdict, Verdict

#: A cell and its judged trials.
JudgedCell = tuple[Cell, Sequence[TrialVerdict]]
_STOPPED = frozenset({FindingCode.NOT_RUN, FindingCode.CUT_SHORT})
#: The worst of several trials: a loss that is certain outweighs what is unknown, and that what is good.
_WORST = (Verdict.LOSSY, Verdict.INCONCLUSIVE, Verdict.LOSSLESS)


def judge_run(run: RunFacts, cells: Sequence[JudgedCell]) -> RunVerdict:
    """The whole run's verdict.

    Args:
        run: What a report says of it.
        cells: Every cell that was to run, in the order in which they are shown, with the trials that there are.
    """
    judged = judge_cells(cells, trials=run.trials)
    return RunVerdict(
        name=run.name,
        description=run.description,
        exit_code=int(exit_code(judged)),
        cells=judged,
        configurations=tuple(dict.fromkeys(cell.configuration for cell in judged)),
        changes=tuple(dict.fromkeys(cell.change for cell in judged)),
        environment=dict(run.environment),
        command=run.command,
        started=run.started,
        seconds=run.seconds,
        thresholds=exported(),
        signal=run.signal,
    )


def judge_cells(cells: Sequence[JudgedCell], *, trials: int = 1) -> tuple[CellVerdict, ...]:
    """Every cell's verdict, each configuration held against its control.

    Args:
        cells: All cells of the run.
        trials: How many trials each was to have.
    """
    controls: dict[str, list[TrialVerdict]] = {}
    for cell, verdicts in cells:
        if cell.change.facts.is_control:
            controls.setdefault(cell.configuration.name, []).extend(verdicts)
    return tuple(
        _judge_cell(cell, verdicts, trials, tuple(_control(controls.get(cell.configuration.name, ()), trials)))
        for cell, verdicts in cells
    )


def exit_code(cells: Sequence[CellVerdict]) -> ExitCode:
    """What the process tells its caller."""
    if any(not cell.as_expected and cell.verdict is not Verdict.INCONCLUSIVE for cell in cells):
        return ExitCode.UNEXPECTED
    if not cells or any(cell.verdict is Verdict.INCONCLUSIVE for cell in cells):
        return ExitCode.INCONCLUSIVE
    return ExitCode.AS_EXPECTED


def _control(control: Sequence[TrialVerdict], planned: int) -> Iterator[Finding]:
    """What a configuration's control says of all its cells: it is sound only if it is lossless, in every trial."""
    lost = sum(trial.identity.lost_total for trial in control)
    if lost:
        yield Finding(FindingCode.LOSS_IN_CONTROL, {"lost": lost, "sent": sum(t.identity.sent for t in control)})
    elif len(control) < planned or not all(map(_is_lossless, control)):
        yield Finding(FindingCode.CONTROL_MISSING, {"trials": len(control), "stopped": any(map(_is_stopped, control))})


def _is_lossless(trial: TrialVerdict) -> bool:
    """Tell whether a trial is lossless but for what the whole run assumes: every cell says that by itself."""
    others = [each for each in trial.findings if each.code is not FindingCode.FIELD_ASSUMED]
    only_assumed = len(others) < len(trial.findings) and verdict_of(others) is Verdict.LOSSLESS
    return trial.verdict is Verdict.LOSSLESS or only_assumed


def _is_stopped(trial: TrialVerdict) -> bool:
    return any(finding.code in _STOPPED for finding in trial.findings)


def _beside(control: tuple[Finding, ...], cell: Cell, trials: Sequence[TrialVerdict]) -> tuple[Finding, ...]:
    """What the control says of a cell; that it is unsound is no news where the cell is it, or was stopped itself."""
    is_known = any(map(_is_stopped, trials)) or (
        cell.change.facts.is_control and any(trial.verdict is not Verdict.LOSSLESS for trial in trials)
    )
    return tuple(each for each in control if not (is_known and each.code is FindingCode.CONTROL_MISSING))


def _judge_cell(cell: Cell, trials: Sequence[TrialVerdict], planned: int, control: tuple[Finding, ...]) -> CellVerdict:
    absent = max(0, planned - len(trials))
    own = (
        *_beside(control, cell, trials),
        *((Finding(FindingCode.TRIAL_FAILED, {"absent": absent, "planned": planned}),) if absent else ()),
    )
    verdict = _worst([verdict_of(own), *(trial.verdict for trial in trials)])
    if any(finding.code is FindingCode.LOSS_IN_CONTROL for finding in own):
        verdict = Verdict.INCONCLUSIVE
    surprises = tuple(_surprises(cell.expectation, verdict, trials))
    return CellVerdict(
        id=cell.id,
        configuration=cell.configuration.name,
        change=cell.change.name,
        change_kind=cell.change.kind,
        verdict=verdict,
        expected=cell.expectation.verdict.value,
        expected_classes=cell.expectation.classes,
        expected_reason=cell.expectation.reason,
        as_expected=_is_expected(cell.expectation, verdict) and not surprises,
        findings=(*own, *surprises, *(finding for trial in trials for finding in _numbered(trial, len(trials)))),
        trials=tuple(trials),
        sent=sum(trial.identity.sent for trial in trials),
        lost=sum(trial.identity.lost_total for trial in trials),
        cut=sum(trial.connections.cut for trial in trials),
    )


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    return min(verdicts, key=_WORST.index)


def _numbered(trial: TrialVerdict, of: int) -> Iterator[Finding]:
    """A trial's findings; with its number where there are several."""
    for finding in trial.findings:
        yield finding if of == 1 else replace(finding, numbers={"trial": trial.number, **finding.numbers})


def _is_expected(expectation: Expectation, verdict: Verdict) -> bool:
    if verdict is Verdict.INCONCLUSIVE:
        return False
    return expectation.verdict is Expected.ANY or expectation.verdict == verdict.value


def _surprises(expectation: Expectation, verdict: Verdict, trials: Sequence[TrialVerdict]) -> Iterator[Finding]:
    """Losses that are of another class, or last longer, than was expected."""
    if verdict is not Verdict.LOSSY:
        return
    found: Counter[str] = Counter()
    for trial in trials:
        found.update(trial.identity.lost)
    if expectation.classes and not set(expectation.classes) & set(found):
        numbers = {"expected": ", ".join(expectation.classes), "found": ", ".join(found)}
        yield Finding(FindingCode.CLASS_NOT_SEEN, numbers)
    longest = max((_window(trial) for trial in trials), default=0.0)
    if expectation.window and longest > expectation.window:
        yield Finding(FindingCode.LOSS_OUTSIDE_WINDOW, {"expected_s": expectation.window, "found_s": longest})


def _window(trial: TrialVerdict) -> float:
    found = (f.numbers["window_s"] for f in trial.findings if f.code is FindingCode.REQUESTS_LOST)
    return max(map(float, found), default=0.0)
