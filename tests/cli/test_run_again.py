"""``harness run --rerun`` and ``--retry-inconclusive``: what is refused, what is the default, what is said first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.run import busy_sentence, retries, run
from harness.errors import InvalidInputError
from harness.findings.instrument import TrialFailed
from harness.findings.sending import MissedSlots
from harness.model.verdict import Finding, RunVerdict, Verdict
from harness.runner.run import RunResult
from harness.testing.reports import sample_run

STARVED = MissedSlots(count=3, planned=100).record()
FAILED = TrialFailed(failure="the cluster ended").record()


def starved_run(*cells: int, found: tuple[Finding, ...] = (STARVED,)) -> RunVerdict:
    """The sample run, with some cells inconclusive."""
    verdict = sample_run()
    changed = []
    for number, cell in enumerate(verdict.cells):
        trial = cell.trials[0]
        trial = replace(trial, verdict=Verdict.INCONCLUSIVE, findings=found, identity=replace(trial.identity, lost={}))
        poor = replace(cell, verdict=Verdict.INCONCLUSIVE, trials=(trial,))
        changed.append(poor if number in cells else replace(cell, verdict=Verdict.LOSSLESS, trials=()))
    return replace(verdict, cells=tuple(changed), environment={"free processors": "0.10 of 2, on average"})


def result(verdict: RunVerdict, *, interrupted: bool = False) -> RunResult:
    """Return the result of a run."""
    return RunResult(Path("reports/it's here"), verdict, (), interrupted)


def test_a_run_on_a_busy_machine_names_the_machine_and_the_command() -> None:
    """In one sentence, with a folder that a shell takes as it is."""
    assert busy_sentence(result(starved_run(4, 7))) == (
        "The machine is busy (free processors: 0.10 of 2, on average), so 2 cells of 15 could not be measured; "
        "repeat with: harness run --rerun 'reports/it'\"'\"'s here'"
    )


def test_a_run_on_a_machine_with_time_says_nothing_about_it() -> None:
    """Nor does one that is inconclusive for another reason, or that was stopped."""
    assert busy_sentence(result(starved_run())) == ""
    assert busy_sentence(result(starved_run(4, found=(FAILED,)))) == ""
    assert busy_sentence(result(starved_run(4, found=(STARVED, FAILED)))) == ""
    assert busy_sentence(result(starved_run(4), interrupted=True)) == ""


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [(None, "", 0), (None, "true", 1), (None, "1", 0), (0, "true", 0), (3, "", 3)],
)
def test_repetitions_are_the_default_on_ci_only(
    given: int | None, environment: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's number takes precedence over the environment."""
    monkeypatch.setenv("CI", environment)

    assert retries(given) == expected


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"experiment": Path("mine.yaml")}, "an Experiment"),
        ({"only": ["change=none"]}, "--only"),
        ({"assume_inert": ["spec.x"]}, "--assume-inert"),
        ({"ingress": "traefik"}, "--ingress"),
        ({"image": ["a=b"]}, "--image"),
    ],
)
def test_an_option_that_contradicts_a_rerun_is_refused(options: dict[str, object], named: str, tmp_path: Path) -> None:
    """It would be ignored silently."""
    with pytest.raises(InvalidInputError, match=f"--rerun can't be combined with {named}"):
        run(rerun=tmp_path, **options)  # type: ignore[arg-type]


def test_an_experiment_is_needed_otherwise() -> None:
    """The hint shows how to give one."""
    with pytest.raises(InvalidInputError, match="no Experiment is given"):
        run()
