"""The check of accounts against the receipts themselves, which kind and end-to-end tests use, can fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from receipt_files import reads, wrong_accounts

from harness.model.accounts import Fate

FATES = {Fate.DELIVERED_ONCE: 1, Fate.ANSWER_LOST: 1, Fate.EXECUTED_TWICE: 1, Fate.LOST_AT_PROXY: 1}


def receipts(*attempts: str) -> str:
    """Return the lines of a pod that read some attempts, among other lines of its log."""
    lines = [f"receipt {number} read {attempt} 7\n" for number, attempt in enumerate(attempts)]
    return "".join(["listening\n", *lines, f"receipt {len(lines)} answered {attempts[0]} 8 200\n"])


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """Return a trial with three attempts that pods read, one of them twice, and one of another trial."""
    for name in ("traffic", "logs/pods"):
        (tmp_path / "trial" / name).mkdir(parents=True)
    (tmp_path / "trial" / "traffic" / "traffic.jsonl").write_text(json.dumps({"event": "ready", "token": "t"}))
    (tmp_path / "trial" / "logs" / "pods" / "a_app.log").write_text(receipts("t-0-1", "t-0-2", "other-0-9"))
    (tmp_path / "trial" / "logs" / "pods" / "b_app.receipts").write_text(receipts("t-0-2", "t-0-3"))
    return tmp_path / "trial"


def cell(**changes: int) -> dict[str, Any]:
    """Return the cell of a verdict in which four requests were sent, with other numbers for some fates."""
    fates = {fate.value: 0 for fate in Fate} | {fate.value: number for fate, number in FATES.items()} | changes
    identity = {"sent": 4}
    return {
        "id": "a--b",
        "trials": [{"directory": "trial", "identity": identity, "accounts": {"sent": 4, "fates": fates}}],
    }


def test_reads_are_counted_in_logs_and_files(trial: Path) -> None:
    """Answers, other lines and attempts of other trials are left out."""
    assert reads(trial) == {"t-0-1": 1, "t-0-2": 2, "t-0-3": 1}
    assert list(wrong_accounts(cell(), trial.parent)) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"delivered-once": 2}, "the sum of the fates is not what was sent"),
        ({"executed-twice": 0, "delivered-once": 2}, "1 were read twice"),
        ({"answer-lost": 3, "delivered-once": 0, "lost-at-proxy": 0}, "3 were read, fewer than the fates say"),
        ({"lost-at-proxy": 2, "delivered-once": 0}, "more were read than can have been"),
        ({"unknown": 1, "delivered-once": 0}, "some fates are unknown"),
    ],
)
def test_a_contradiction_is_named(trial: Path, changes: dict[str, int], problem: str) -> None:
    """Each rule of the check is broken once."""
    assert any(problem in line for line in wrong_accounts(cell(**changes), trial.parent))


def test_pods_without_receipts_are_named(trial: Path) -> None:
    """Without them nothing would be checked."""
    for path in (trial / "logs" / "pods").iterdir():
        path.unlink()

    assert any("no receipt" in line for line in wrong_accounts(cell(), trial.parent))
