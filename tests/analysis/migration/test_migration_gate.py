"""Tests of the outcome of a migration for each pair of verdicts; nothing unknown counts as a success."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from harness.findings.completeness import StreamWithoutSuccess
from harness.findings.expectations import LossInControl
from harness.findings.instrument import CalibrationNotExact, TrialFailed
from harness.findings.sending import MachineSaturated
from harness.judging.migration.comparing import MigrationRun, compare, exit_code, outcome
from harness.judging.migration.sides import ABSENT, AccessFacts
from harness.model.migration import Migration, MigrationOutcome
from harness.model.verdict import CellVerdict, Finding, RunVerdict, Verdict
from harness.testing.reports import sample_run

LOSSLESS, LOSSY, UNKNOWN = Verdict.LOSSLESS, Verdict.LOSSY, Verdict.INCONCLUSIVE


def cell(verdict: Verdict, *codes: str, lost: int = 0) -> CellVerdict:
    """Return a cell with a verdict and its findings."""
    made = sample_run(("graceful",), ("none",)).cells[0]
    return replace(made, verdict=verdict, findings=tuple(map(Finding, codes)), lost=lost)


def run_of(*cells: CellVerdict, signal: int = 0) -> RunVerdict:
    """Return a run of these cells."""
    return replace(sample_run(("graceful",), ("none",)), cells=cells, signal=signal)


def gate(source: RunVerdict, target: RunVerdict, *, bugs: bool = False) -> Migration:
    """Return the comparison of two runs."""
    return compare(
        MigrationRun("ingress-nginx", "source", source), MigrationRun("traefik", "target", target, bugs=bugs), {},
        command="", signal=source.signal or target.signal,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "target", "expected", "code"),
    [
        (LOSSLESS, LOSSLESS, MigrationOutcome.LOSSLESS, 0),
        (LOSSLESS, LOSSY, MigrationOutcome.TARGET_LOSES, 1),
        (LOSSY, LOSSLESS, MigrationOutcome.SOURCE_LOSES, 0),
        (LOSSY, LOSSY, MigrationOutcome.BOTH_LOSE, 0),
        (UNKNOWN, LOSSLESS, MigrationOutcome.UNKNOWN, 3),
        (UNKNOWN, LOSSY, MigrationOutcome.UNKNOWN, 3),
        (UNKNOWN, UNKNOWN, MigrationOutcome.UNKNOWN, 3),
        (LOSSLESS, UNKNOWN, MigrationOutcome.UNKNOWN, 3),
        (LOSSY, UNKNOWN, MigrationOutcome.UNKNOWN, 3),
    ],
)
def test_each_pair_of_verdicts_has_its_outcome(
    source: Verdict, target: Verdict, expected: MigrationOutcome, code: int
) -> None:
    """A loss of the target alone fails the migration. If a side is inconclusive, the migration never succeeds."""
    migration = gate(run_of(cell(source)), run_of(cell(target)))

    assert migration.pairs[0].outcome is expected
    assert migration.exit_code == code


def test_no_other_pair_succeeds() -> None:
    """Only the listed pairs of verdicts let the migration succeed."""
    sides = {verdict: replace(ABSENT, verdict=verdict) for verdict in Verdict}
    open_gates = {
        (one, other)
        for one, other in itertools.product(Verdict, Verdict)
        if outcome(sides[one], sides[other])
        in {MigrationOutcome.LOSSLESS, MigrationOutcome.BOTH_LOSE, MigrationOutcome.SOURCE_LOSES}
    }

    assert open_gates == {(LOSSLESS, LOSSLESS), (LOSSY, LOSSY), (LOSSY, LOSSLESS)}


def test_a_loss_next_to_an_unknown_is_a_loss() -> None:
    """One cell that only the target loses decides, whatever the others are."""
    other = replace(cell(UNKNOWN), change="restart")

    migration = gate(run_of(cell(LOSSLESS), other), run_of(cell(LOSSY), other))

    assert migration.exit_code == 1


def test_a_target_that_loses_without_a_change_fails_the_migration() -> None:
    """Alone such a cell is inconclusive, as the environment may lose requests. But the source lost nothing in it."""
    at_rest = cell(UNKNOWN, LossInControl.code, StreamWithoutSuccess.code, lost=300)

    assert gate(run_of(cell(LOSSLESS)), run_of(at_rest)).exit_code == 1
    assert gate(run_of(at_rest), run_of(at_rest)).exit_code == 3
    assert gate(run_of(cell(LOSSY)), run_of(at_rest)).exit_code == 3


def test_a_target_that_never_serves_a_route_fails_the_migration() -> None:
    """No traffic could begin: the access log has half a minute of nothing but errors."""
    silent = replace(cell(UNKNOWN, TrialFailed.code), sent=0, trials=())
    refused = AccessFacts(500, 0, {"/apple 404": 500}, span_s=60.0)

    def code(access: AccessFacts) -> int:
        return compare(
            MigrationRun("ingress-nginx", "source", run_of(cell(LOSSLESS))),
            MigrationRun("traefik", "target", run_of(silent), {silent.id: access}),
            {},
            command="",
        ).exit_code

    assert code(refused) == 1
    assert code(replace(refused, span_s=2.0)) == 3
    assert code(replace(refused, served=frozenset({"/apple"}))) == 3
    assert code(AccessFacts()) == 3


@pytest.mark.parametrize("doubt", [MachineSaturated.code, CalibrationNotExact.code])
def test_a_doubt_leaves_a_loss_without_a_change_unknown(doubt: str) -> None:
    """A busy machine or a doubtful detector may be the cause, so there is no outcome in place of a wrong one."""
    at_rest = cell(UNKNOWN, LossInControl.code, doubt, lost=300)

    assert gate(run_of(cell(LOSSLESS)), run_of(at_rest)).exit_code == 3


def test_a_cell_that_the_target_never_ran_is_unknown() -> None:
    """A target that did not run, or lacks a cell, is no success."""
    migration = gate(run_of(cell(LOSSLESS)), run_of())

    assert [pair.outcome for pair in migration.pairs] == [MigrationOutcome.UNKNOWN]
    assert migration.exit_code == 3


def test_no_cells_are_no_success() -> None:
    """Without cells the result is inconclusive."""
    assert gate(run_of(), run_of()).exit_code == 3


def test_a_stopped_run_is_no_success() -> None:
    """Compared cells may be lossless, but the others are unknown. The signal is recorded."""
    migration = gate(run_of(cell(LOSSLESS)), run_of(cell(LOSSLESS), signal=2))

    assert (migration.exit_code, migration.process_code) == (3, 130)


def test_a_failure_of_the_harness_comes_first() -> None:
    """It comes even before a loss, because the comparison can't be relied on."""
    assert gate(run_of(cell(LOSSLESS)), run_of(cell(LOSSY)), bugs=True).exit_code == 4
    assert exit_code((), failed=True) == 4
