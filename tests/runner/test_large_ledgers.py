"""Reading a large ledger: in blocks it gives the verdict of the whole, and its damage is still named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.synthetic import make_run
from harness.analysis.evidence import TrialEvidence
from harness.errors import EvidenceError
from harness.judging.trial import judge_trial
from harness.runner.evidence import WHOLE, read_trials
from harness.runner.judging import read_plan
from harness.store.ledger_format import ATTEMPT
from harness.store.ledger_reading import JUDGED_ATTEMPT, LedgerBlocks
from harness.store.mapped import HEADER
from harness.store.rundir import RunDirectory

ATTEMPTS = 6_000


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Make a run of some thousand attempts."""
    return make_run(tmp_path / "run", ATTEMPTS)


def read(run: RunDirectory, least: int) -> TrialEvidence:
    """Read the only trial, in blocks from so many attempts on."""
    ((trial,),) = read_trials(run, read_plan(run).experiment, least=least).values()
    return trial


def ledger_of(run: RunDirectory) -> Path:
    """Return the path of the ledger."""
    (found,) = run.path.glob("trials/*/1/traffic/ledger-0.npy")
    return found


def test_a_ledger_in_blocks_has_the_verdict_of_the_whole(run: RunDirectory) -> None:
    """Most attempts are only counted, and none of them is missing."""
    few, whole = read(run, 1), read(run, WHOLE)

    assert whole.bulk is None
    assert few.bulk is not None
    assert few.bulk.rows + len(few.attempts) == len(whole.attempts) == ATTEMPTS
    assert few.bulk.rows > ATTEMPTS // 2
    assert judge_trial(few) == judge_trial(whole)


def test_a_small_ledger_is_read_whole(run: RunDirectory) -> None:
    """A usual trial keeps every row."""
    assert read(run, ATTEMPTS + 1).bulk is None


def test_a_ledger_without_its_end_is_judged_as_the_whole_is(run: RunDirectory) -> None:
    """A killed writer leaves rows that were never written."""
    path = ledger_of(run)
    content = bytearray(path.read_bytes())
    content[HEADER + 5_000 * ATTEMPT.itemsize :] = bytes(1_000 * ATTEMPT.itemsize)
    path.write_bytes(content)
    verdict = judge_trial(read(run, 1))

    assert verdict == judge_trial(read(run, WHOLE))
    assert verdict.identity.abandoned == 1_000


@pytest.mark.parametrize("least", [1, WHOLE])
def test_damage_of_a_ledger_is_named(run: RunDirectory, least: int) -> None:
    """A file that is no ledger fails the trial, however it is read."""
    ledger_of(run).write_bytes(b"no ledger")

    assert "can't be read as a ledger" in read(run, least).failure


def test_without_a_known_end_all_rows_are_read(run: RunDirectory) -> None:
    """A trial that did not get to its end may have ended anywhere."""
    (outcome,) = run.path.glob("trials/*/1/outcome.json")
    fields = json.loads(outcome.read_text())
    outcome.write_text(json.dumps({**fields, "stopped_ns": 0}))

    assert read(run, 1).bulk is None


@pytest.mark.parametrize("block", [1, 7, 1_000, ATTEMPTS, 2 * ATTEMPTS])
def test_blocks_have_each_row_once_at_every_reading(run: RunDirectory, block: int) -> None:
    """Each iteration begins at the first row."""
    blocks = LedgerBlocks(ledger_of(run), ATTEMPT, JUDGED_ATTEMPT, block=block)

    for _ in range(2):
        assert np.concatenate([rows["number"] for rows in blocks]).tolist() == list(range(ATTEMPTS))


def test_blocks_of_a_missing_file_are_an_error(tmp_path: Path) -> None:
    """Nothing is ever an empty ledger by mistake."""
    with pytest.raises(EvidenceError, match="can't be read"):
        LedgerBlocks(tmp_path / "ledger-0.npy", ATTEMPT, JUDGED_ATTEMPT)
