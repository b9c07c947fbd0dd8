"""Evidence of real clusters: the losses of trials on kind get their causes, and receipts in pod logs give their fates.

``kind/`` has two runs of shipped Experiments on kind 0.33 (Kubernetes 1.34.4, ingress-nginx 1.11.0, containerd 1.7.24)
with pods that write receipts. Cells that are not tested here, reports and the controller's own log were removed.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from built_to_lose import EXPERIMENTS, wrong_causes
from receipt_files import wrong_accounts

from harness.model.accounts import Fate
from harness.runner.explain import request_traces
from harness.runner.judging import judge
from harness.store.records import to_json
from harness.store.rundir import RunDirectory

RECORDED = Path(__file__).parent / "kind"


class Judged(NamedTuple):
    """A recorded run, judged again.

    Attributes:
        path: Its directory.
        verdict: Its verdict.
        cells: The cells that were kept, by id.
    """

    path: Path
    verdict: dict[str, Any]
    cells: dict[str, Any]


def judged(name: str, folder: Path) -> Judged:
    """Unpack a recorded run, and judge it."""
    with tarfile.open(RECORDED / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    path = folder / f"kind-{name}"
    there = {folder.name for folder in (path / "trials").iterdir()}
    verdict = dict(to_json(judge(RunDirectory.open(path))))
    kept = {cell["id"]: cell for cell in verdict["cells"] if cell["id"] in there}
    return Judged(path, {**verdict, "cells": list(kept.values())}, kept)


@pytest.fixture(scope="module")
def rollout(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Return a rolling update without preStop, three times, and its control."""
    return judged("rollout", tmp_path_factory.mktemp("rollout"))


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Return deletions of a pod that closes its listener at once, and of one that is killed while it answers."""
    return judged("hidden", tmp_path_factory.mktemp("hidden"))


def test_losses_on_kind_have_the_cause_of_their_row(rollout: Judged, hidden: Judged) -> None:
    """At least 95 % of them have it, and lossless cells have none. With other causes in the table they are wrong."""
    assert wrong_causes(rollout.verdict, EXPERIMENTS["sabotage-rollout"]) == []
    assert wrong_causes(hidden.verdict, EXPERIMENTS["hidden-by-retries"]) == []
    (lossy,) = rollout.cells["no-prestop--rolling-update"]["trials"]
    found = {cause["code"]: cause["lost"] for cause in lossy["causes"]}
    assert found == {"network-silent": 745, "listener-closed-early": 104}
    other = {cell: frozenset({"hook-failed"}) for cell in rollout.cells}
    assert len(wrong_causes(rollout.verdict, other)) == 1


def test_accounts_on_kind_agree_with_the_receipts(rollout: Judged, hidden: Judged) -> None:
    """Every fate is known, and their sum is what was sent."""
    for run in (rollout, hidden):
        assert [line for cell in run.cells.values() for line in wrong_accounts(cell, run.path)] == []


def test_hidden_and_twice_executed_requests_on_kind(hidden: Judged) -> None:
    """The proxy hid what the closed listener cost, and repeated the GETs of the pod that was killed."""
    early, killed = hidden.cells["closes-early--delete-pod"], hidden.cells["killed--delete-pod"]
    fates = killed["trials"][0]["accounts"]["fates"]

    assert (early["lost"], early["hidden"], early["twice"]["known"]) == (0, {"known": 29, "unknown": 0}, 0)
    assert (killed["lost"], killed["hidden"]["known"], killed["twice"]) == (13, 0, {"known": 6, "unknown": 0})
    assert (fates[Fate.ANSWER_LOST], fates[Fate.EXECUTED_TWICE], fates[Fate.UNKNOWN]) == (7, 6, 0)


def test_logs_of_pods_that_outlive_the_trial_are_not_damaged(rollout: Judged, hidden: Judged) -> None:
    """Receipts of a real cluster are a stream, which only a pod that was killed leaves without an end."""
    quiet = [rollout.cells[name]["trials"][0]["accounts"]["logs"] for name in rollout.cells]
    (killed,) = (
        log for log in hidden.cells["killed--delete-pod"]["trials"][0]["accounts"]["logs"] if log["party"] == "receipts"
    )

    assert {state for logs in quiet for log in logs for state in log["states"]} == {"complete"}
    assert killed["states"] == ["ends-early"]


def test_the_trace_of_a_request_on_kind_has_the_receipts_of_both_pods(hidden: Judged) -> None:
    """Two pods read a GET that nginx repeated, the second one after the first was killed."""
    cell, run = "killed--delete-pod", RunDirectory.open(hidden.path)
    lost = [each["id"] for each in hidden.cells[cell]["trials"][0]["failed"]["kept"]]
    traces = [request_traces(run, cells=cell, attempt=each)[0] for each in lost]
    shown = {each["id"]: each["receipts"] for each in hidden.cells[cell]["trials"][0]["failed"]["kept"]}
    (twice, *_) = (trace for trace in traces if trace.fate == Fate.EXECUTED_TWICE)
    reads = [receipt for receipt in twice.receipts if receipt.what == "read"]
    killed = next(event.offset_ms for event in twice.events if event.event == "sigkill")

    assert len({receipt.pod for receipt in reads}) == len(reads) == 2
    assert reads[0].at is not None
    assert reads[1].at is not None
    assert twice.attempt.sent is not None
    assert reads[0].at - twice.attempt.sent < killed / 1000 < reads[1].at - twice.attempt.sent + 1
    # The report has the same receipts as `harness explain`.
    assert {trace.attempt.id: to_json(trace.receipts) for trace in traces} == shown
