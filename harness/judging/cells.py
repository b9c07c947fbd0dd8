"""Combines trials to cells, and cells to the run, with control, expectation and exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.analysis.cells import CellFacts
from harness.analysis.confidence import confidence_of
from harness.analysis.evidence import RunFacts
from harness.analysis.thresholds import exported
from harness.errors import ExitCode
from harness.findings.expectations import LossInControl, MaskingUnknown
from harness.findings.finding_type import Subject
from harness.findings.instrument import TrialFailed
from harness.findings.registry import cell_checks
from harness.findings.surroundings import FieldAssumed
from harness.judging.trial import verdict_of
from harness.model.confidence import Transitions
from harness.model.experiment import Cell, Expectation, ExpectedVerdict
from harness.model.verdict import CellVerdict, Finding, RunVerdict, TrialVerdict, Verdict

#: A cell and its judged trials.
JudgedCell = tuple[Cell, Sequence[TrialVerdict]]
#: Verdicts, the worst first: a certain loss outweighs an unknown, and an unknown outweighs a success.
_WORST = (Verdict.LOSSY, Verdict.INCONCLUSIVE, Verdict.LOSSLESS)


def judge_run(run: RunFacts, cells: Sequence[JudgedCell]) -> RunVerdict:
    """Return the whole run's verdict.

    Args:
        run: Facts of the run for the report.
        cells: Every planned cell in the order of the report, with the trials that exist.
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
    """Return every cell's verdict, each configuration compared with its control.

    Args:
        cells: All cells of the run.
        trials: Planned number of trials per cell.
    """
    controls: dict[str, list[TrialVerdict]] = {}
    for cell, verdicts in cells:
        if cell.change.facts.is_control:
            controls.setdefault(cell.configuration.name, []).extend(verdicts)
    return tuple(_judge_cell(_facts(cell, verdicts, controls, trials)) for cell, verdicts in cells)


def _facts(
    cell: Cell, trials: Sequence[TrialVerdict], controls: Mapping[str, Sequence[TrialVerdict]], planned: int
) -> CellFacts:
    control = controls.get(cell.configuration.name, ())
    return CellFacts(
        cell=cell,
        trials=trials,
        control=control,
        is_control_sound=all(map(_is_sound, control)),
        planned=planned,
    )


def _is_sound(trial: TrialVerdict) -> bool:
    """Return True if a trial is lossless apart from the run's assumptions, which every cell reports itself."""
    others = [each for each in trial.findings if each.code != FieldAssumed.code]
    only_assumed = len(others) < len(trial.findings) and verdict_of(others) is Verdict.LOSSLESS
    return trial.verdict is Verdict.LOSSLESS or only_assumed


def exit_code(cells: Sequence[CellVerdict]) -> ExitCode:
    """Return the exit code of the process."""
    if any(not cell.as_expected and cell.verdict is not Verdict.INCONCLUSIVE for cell in cells):
        return ExitCode.UNEXPECTED
    if not cells or any(cell.verdict is Verdict.INCONCLUSIVE for cell in cells):
        return ExitCode.INCONCLUSIVE
    return ExitCode.AS_EXPECTED


def _judge_cell(facts: CellFacts) -> CellVerdict:
    cell, trials = facts.cell, facts.trials
    own = (*_found(facts, Subject.CELL), *_absent(facts))
    verdict = _worst([verdict_of(own), *(trial.verdict for trial in trials)])
    codes = {finding.code for finding in own}
    if LossInControl.code in codes:
        verdict = Verdict.INCONCLUSIVE
    if MaskingUnknown.code in codes and _is_expected(cell.expectation, verdict):
        # The expected losses answer only a part of what the Experiment asks.
        verdict = Verdict.INCONCLUSIVE
    surprises = tuple(_found(replace(facts, verdict=verdict), Subject.JUDGED_CELL))
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
        expected_hidden=cell.expectation.hidden,
        expected_twice=cell.expectation.twice,
        hidden=facts.hidden,
        twice=facts.twice,
        confidence=confidence_of(sum((trial.transitions for trial in trials), Transitions())),
    )


def _found(facts: CellFacts, subject: Subject) -> Iterator[Finding]:
    for check in cell_checks(subject):
        for finding in check.check(facts):
            yield finding.record()


def _absent(facts: CellFacts) -> Iterator[Finding]:
    """Yield a finding if some trials did not take place."""
    absent = facts.planned - len(facts.trials)
    if absent > 0:
        yield TrialFailed(absent=absent, planned=facts.planned).record()


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    return min(verdicts, key=_WORST.index)


def _numbered(trial: TrialVerdict, of: int) -> Iterator[Finding]:
    """Yield a trial's findings, with the trial's number if there are several trials."""
    for finding in trial.findings:
        yield finding if of == 1 else replace(finding, numbers={"trial": trial.number, **finding.numbers})


def _is_expected(expectation: Expectation, verdict: Verdict) -> bool:
    if verdict is Verdict.INCONCLUSIVE:
        return False
    return expectation.verdict is ExpectedVerdict.ANY or expectation.verdict == verdict.value
