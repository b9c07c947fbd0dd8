"""A proof of remedies: what is run, and when a remedy counts as one that works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import golden
import pytest

from harness.analysis.proportions import fisher_fewer
from harness.errors import InvalidInputError
from harness.findings.sending import MachineSaturated
from harness.model.confidence import Confidence
from harness.model.verdict import Finding, RunVerdict, Verdict
from harness.runner.judging import judge, read_plan
from harness.runner.prove import Proof, ProofResult, compare, plan_proof
from harness.runner.run import RunResult
from harness.store.rundir import RunDirectory
from harness.testing.reports import sample_run

BARE = "bare--rolling-update"
SLEEP = {"sleep": {"seconds": 6}}


def _judged(name: str, folder: Path) -> Path:
    run = RunDirectory.open(golden.unpack(name, folder).path)
    judge(run)
    return run.path


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    """The proof of the remedies of the golden run `lifecycle`."""
    return plan_proof(_judged("lifecycle", tmp_path))


def _verdict(
    proof: Proof, before: Verdict, after: Verdict, count: int = 3, findings: Sequence[Finding] = ()
) -> RunVerdict:
    """Return the verdict of a proof in which each transition of a lossy cell is lossy; each trial has the findings."""
    sample = sample_run()
    trial = sample.cells[0].trials[0]
    verdicts = {
        name: verdict for pair in proof.pairs.values() for name, verdict in zip(pair, (before, after), strict=True)
    }
    cells = tuple(
        replace(
            sample.cells[0],
            id=name,
            verdict=verdict,
            trials=(replace(trial, verdict=verdict, findings=tuple(findings)),),
            confidence=Confidence(count, count if verdict is Verdict.LOSSY else 0),
        )
        for name, verdict in verdicts.items()
    )
    return replace(sample, cells=cells)


def _works(proof: Proof, before: Verdict, after: Verdict, count: int = 3) -> tuple[set[bool | None], int]:
    verdict = _verdict(proof, before, after, count)
    comparisons = compare(proof, verdict)
    run = RunResult(Path(), verdict, (), interrupted=False)
    return {each.works for each in comparisons}, ProofResult(run, comparisons, ()).exit_code


def test_each_lossy_cell_runs_before_and_after_with_controls(proof: Proof) -> None:
    """The manifests after have the patch, those before are as they were, and each has its control."""
    before, after = proof.pairs[BARE]
    cells = {cell.id: cell for cell in proof.experiment.cells}
    containers = [
        next(m for m in cells[name].configuration.manifests if m["metadata"]["name"] == "apple")["spec"]["template"][
            "spec"
        ]["containers"][0]
        for name in (before, after)
    ]

    assert "lifecycle" not in containers[0]
    assert containers[1]["lifecycle"]["preStop"] == SLEEP
    assert {name.replace("rolling-update", "none", 1) for name in (before,)} <= set(cells)
    assert sum(cell.change.facts.is_control for cell in cells.values()) == len(
        {cell.configuration.name for cell in cells.values()}
    )


def test_cells_without_a_field_that_helps_are_named(proof: Proof) -> None:
    """They are not run, and not passed over in silence."""
    assert set(proof.unproven) == {"bare--scale-down", "graceful--force-delete", "graceful--controller-restart"}


def test_there_are_at_least_three_trials(proof: Proof) -> None:
    """Lossless in three trials of three is the least that is asked of a remedy."""
    assert proof.experiment.trials >= 3


@pytest.mark.parametrize(
    ("before", "after", "works", "code"),
    [
        (Verdict.LOSSY, Verdict.LOSSLESS, True, 0),
        (Verdict.LOSSY, Verdict.LOSSY, False, 1),
        (Verdict.LOSSLESS, Verdict.LOSSLESS, None, 3),
        (Verdict.LOSSY, Verdict.INCONCLUSIVE, None, 3),
    ],
)
def test_a_remedy_works_if_losses_end_with_it(
    proof: Proof, before: Verdict, after: Verdict, works: bool | None, code: int
) -> None:
    """Without a loss before, or with doubt after, nothing is proved."""
    assert _works(proof, before, after) == ({works}, code)


def test_losses_of_a_saturated_machine_refute_nothing(proof: Proof) -> None:
    """Without processor time for the sender, the probes of its cluster fail, too: the remedy is not known to work."""
    starved = MachineSaturated(seconds=2, max_ms=400.0, limit_ms=100.0).record()
    verdict = _verdict(proof, Verdict.LOSSY, Verdict.LOSSY, findings=[starved])
    assert {each.works for each in compare(proof, verdict)} == {None}

    other = replace(verdict.cells[0].trials[0], findings=())
    with_a_sound_trial = [replace(cell, trials=(*cell.trials, other)) for cell in verdict.cells]
    assert {each.works for each in compare(proof, replace(verdict, cells=tuple(with_a_sound_trial)))} == {False}


def test_two_transitions_are_not_enough(proof: Proof) -> None:
    """Chance explains two lossy and two lossless ones with one in six."""
    assert _works(proof, Verdict.LOSSY, Verdict.LOSSLESS, count=2) == ({None}, 3)


@pytest.mark.parametrize(
    ("before", "after", "chance"),
    [((3, 3), (3, 0), 0.05), ((2, 2), (2, 0), 1 / 6), ((9, 3), (9, 0), 84 / 816), ((3, 0), (3, 0), 1.0)],
)
def test_the_chance_is_that_of_fishers_test(before: tuple[int, int], after: tuple[int, int], chance: float) -> None:
    """One-sided: so few lossy transitions after, or fewer."""
    assert fisher_fewer(before[::-1], after[::-1]) == pytest.approx(chance)


@pytest.mark.parametrize(
    ("archive", "why"),
    [("in-place-lossy", "a cluster of yours"), ("rollback", "has a remedy in a field"), ("stopped", "no cell lost")],
)
def test_what_can_not_be_proved_is_refused(archive: str, why: str, tmp_path: Path) -> None:
    """Nothing is started, and the message says why."""
    with pytest.raises(InvalidInputError) as refused:
        plan_proof(_judged(archive, tmp_path))

    assert why in str(refused.value)


def test_the_plan_of_the_earlier_run_stays(tmp_path: Path) -> None:
    """A proof reads the earlier run, and changes nothing in it."""
    path = _judged("lifecycle", tmp_path)
    plan_proof(path)

    RunDirectory.open(path).verify("verdict")
    assert len(read_plan(RunDirectory.open(path)).experiment.cells) == 19
