"""Requests that the client saw succeed, and that nginx had to try twice: produced on a real nginx, and accounted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from built_to_lose import EXPERIMENTS, wrong_causes
from command_line import ROOT, CommandLine
from receipt_files import reads, wrong_accounts
from starved import last_measured, trial_of, wrong_rows

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(4800)]


def tries(trial: Path) -> Counter[str]:
    """Return the tries of each attempt with more than one, from the access log itself."""
    lines = map(json.loads, (trial / "access.jsonl").read_text().splitlines())
    return Counter({line["attempt"]: n for line in lines if (n := len(line["upstream_addr"].split(", "))) > 1})


def test_hidden_and_twice_executed_requests_are_counted(harness: CommandLine, tmp_path: Path) -> None:
    """A listener that closes early is hidden by nginx; a pod killed in the middle of answers makes it repeat GETs."""
    wrong = wrong_rows(harness, ROOT / "experiments" / "hidden-by-retries.yaml", tmp_path / "run")
    cells = {name: cell for name, (cell, _) in last_measured(tmp_path / "run").items()}
    early, killed = cells["closes-early--delete-pod"], cells["killed--delete-pod"]
    hidden, twice = (trial_of(tmp_path / "run", cell["id"]) for cell in (early, killed))
    fates = {name: cell["trials"][0]["accounts"]["fates"] for name, cell in cells.items()}

    assert wrong == []
    # Nothing was lost, and some of it only because nginx tried again.
    assert (early["lost"], early["twice"]) == (0, {"known": 0, "unknown": 0})
    assert early["hidden"] == {"known": len(tries(hidden)), "unknown": 0}
    assert early["hidden"]["known"] > 0
    assert set(reads(hidden).values()) == {1}
    # A pod had read these requests when it was killed: nginx repeated the GETs, and gave up the POSTs.
    repeated = {attempt for attempt, number in reads(twice).items() if number == 2}
    assert killed["twice"] == {"known": len(repeated), "unknown": 0}
    assert repeated
    assert repeated <= set(tries(twice))
    assert fates["killed--delete-pod"]["answer-lost"] > 0
    assert all(sum(each.values()) == cells[name]["sent"] for name, each in fates.items())
    assert {each["unknown"] for each in fates.values()} == {0}
    assert cells["graceful--delete-pod"]["hidden"] == {"known": 0, "unknown": 0}
    assert wrong_causes({"cells": cells.values()}, EXPERIMENTS["hidden-by-retries"]) == []


def test_lost_answers_are_reported_once_straight_to_a_service(harness: CommandLine, tmp_path: Path) -> None:
    """A client that sends such a request again makes pods execute it twice; the harness reports it and does not."""
    wrong = wrong_rows(harness, ROOT / "experiments" / "sent-again-by-client.yaml", tmp_path / "run")
    measured = last_measured(tmp_path / "run")
    cells = {name: cell for name, (cell, _) in measured.items()}
    killed = cells["killed--delete-pod"]

    assert wrong == []
    assert wrong_causes({"cells": cells.values()}, EXPERIMENTS["sent-again-by-client"]) == []
    assert [line for cell, run in measured.values() for line in wrong_accounts(cell, run)] == []
    assert killed["trials"][0]["accounts"]["fates"]["answer-lost"] == killed["lost"] > 0
    assert {(cell["hidden"]["known"], cell["twice"]["known"]) for cell in cells.values()} == {(0, 0)}
