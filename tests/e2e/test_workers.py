"""Workers that join from elsewhere share the traffic. The accounting is complete even if one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import PATIENCE, CommandLine
from ports import free_port
from starved import code_of, is_sound

from harness.errors import EvidenceError
from harness.kit.waiting import wait_until
from harness.model.attempt import Outcome
from harness.store.ledger import read_connections, read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def events(traffic: Path, name: str) -> list[dict[str, Any]]:
    """Return the events of that name in the master's journal."""
    path = traffic / "traffic.jsonl"
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [event for event in map(json.loads, whole.splitlines()) if event["event"] == name]


def rows_in(ledger: Path) -> int:
    """Return the rows of a ledger that arrives in chunks."""
    try:
        return len(read_ledger(ledger))
    except EvidenceError:
        return 0


def join(harness: CommandLine, port: int, number: int) -> subprocess.Popen[str]:
    """Start a worker in its own process tree."""
    return harness.start(
        "worker", "--join", f"127.0.0.1:{port}", "--wait", f"{PATIENCE}s", "--dir", harness.folder / f"worker-{number}"
    )


def test_two_workers_share_a_run_and_every_record_arrives(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The run is lossless, both ledgers have exactly the sent requests, both were calibrated, and nothing is left."""
    port, out = free_port(), tmp_path / "run"
    run = harness.start(
        "run", experiment(), "--out", out, "--expect-workers", "2", "--bind", f"127.0.0.1:{port}", "--json"
    )
    workers = [join(harness, port, number) for number in (0, 1)]
    finished = harness.finish(run)
    joined = [harness.finish(worker) for worker in workers]
    traffic = out / "trials" / "bare--none" / "1" / "traffic"
    ledgers = [read_ledger(traffic / f"ledger-{number}.npy") for number in (0, 1)]

    (cell,) = finished.json["cells"]

    assert [worker.code for worker in joined] == [0, 0], joined
    assert is_sound(cell), finished.result
    assert finished.code == code_of([cell]), finished.result
    assert cell["sent"] == sum(int((rows["outcome"] != Outcome.MISSED).sum()) for rows in ledgers)
    assert all(len(rows) > 0 and set(rows["worker"]) == {number} for number, rows in enumerate(ledgers))
    assert [event["wrong"] for event in events(traffic, "home")] == [0, 0]
    assert events(traffic, "drained")[0]["rows"] == sum(len(rows) for rows in ledgers)
    assert all(len(read_connections(traffic / f"connections-{number}.npy")) > 0 for number in (0, 1))
    assert all("the master has every record" in worker.out for worker in joined)
    assert not list(tmp_path.glob("worker-*/trial-*"))
    assert harness.run("analyze", out).code == finished.code


def test_a_worker_killed_half_way_is_named_and_accounted_for(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """After ``kill -9`` of a sender, the run ends soon, is inconclusive and names it. The identity holds."""
    port, out = free_port(), tmp_path / "run"
    path = experiment(changes=[{"none": {"hold": "3600s"}}])
    run = harness.start("run", path, "--out", out, "--expect-workers", "2", "--bind", f"127.0.0.1:{port}")
    workers = [join(harness, port, number) for number in (0, 1)]
    traffic = out / "trials" / "bare--none" / "1" / "traffic"
    wait_until(lambda: events(traffic, "started"), timeout=PATIENCE, what="the traffic to begin")
    victim = events(traffic, "joined")[0]
    ledger = traffic / "ledger-0.npy"
    wait_until(lambda: rows_in(ledger) > 20, timeout=PATIENCE, what="some rows to come home")
    os.kill(victim["pid"], signal.SIGKILL)
    finished = harness.finish(run)
    codes = sorted(harness.finish(worker).code for worker in workers)
    verdict = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    (trial,) = verdict["cells"][0]["trials"]
    identity = trial["identity"]

    assert finished.code == 3, finished.result
    assert codes == [0, 4]
    assert trial["verdict"] == "inconclusive"
    failures = [f["numbers"]["failure"] for f in trial["findings"] if f["code"] == "trial-failed"]
    assert f"worker {victim['worker']} ({victim['name']})" in failures[0]
    assert identity["planned"] == identity["sent"] + identity["missed"] + identity["abandoned"]
    assert identity["sent"] == identity["ok"] + sum(identity["lost"].values()) + identity["unfinished"]
    assert identity["abandoned"] > 0
    assert "identity-broken" not in {finding["code"] for finding in trial["findings"]}
    rows = {number: read_ledger(traffic / f"ledger-{number}.npy") for number in (0, 1)}
    assert sum(len(found) for found in rows.values()) == identity["sent"] + identity["missed"]
    home = {event["worker"]: event["wrong"] for event in events(traffic, "home")}
    assert set(home.values()) == {0}
    assert 1 - victim["worker"] in home
    (kept,) = tmp_path.glob(f"worker-*/trial-1/ledger-{victim['worker']}.npy")
    # On a machine that stalls, silence may be noticed before the process that started the sender reports its death.
    # Then the run may end before what is left is handed in.
    assert victim["worker"] in home or any("no sign of life" in event["text"] for event in events(traffic, "fault"))
    if victim["worker"] in home:
        assert kept.read_bytes() == (traffic / kept.name).read_bytes()


def test_joining_a_missing_run_is_an_error(harness: CommandLine) -> None:
    """The error names the address after the given time."""
    finished = harness.run("worker", "--join", f"127.0.0.1:{free_port()}", "--wait", "1s")

    assert finished.code == 4, finished.result
    assert "waiting for the master at 127.0.0.1:" in finished.out
    assert "within 1 s" in finished.err


def test_invalid_addresses_and_numbers_are_refused(harness: CommandLine, experiment: Callable[..., Path]) -> None:
    """Every problem is named, and nothing is started."""
    wrong = harness.run("worker", "--join", "nowhere", "--wait", "soon")
    lone = harness.run("run", experiment(), "--expect-workers", "2")

    assert (wrong.code, lone.code) == (2, 2), wrong.result
    assert "--join 'nowhere'" in wrong.err
    assert "--wait 'soon'" in wrong.err
    assert "--bind HOST:PORT" in lone.err
