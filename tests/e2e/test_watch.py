"""The accounting of ``harness watch`` is right, whatever happens to the target, the watch or its parts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import PATIENCE, CommandLine, Finished

from harness.judging.starved import STARVED
from harness.kit.waiting import wait_until
from harness.model.attempt import Outcome
from harness.runner.watch.judging import judge_as_found
from harness.runner.watch.plan import directory_of
from harness.store.ledger import read_ledger
from harness.store.rundir import RunDirectory
from harness.store.segments import check_segments, paths_of
from harness.traffic.calibration.server import CERTIFICATE, SERVER_NAME, WHERE, FaultyServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

#: Codes of the only findings that a busy machine may add.
BUSY = STARVED | {"sender-paused", "no-traffic", "stream-without-success"}
#: A sender that does not get as far as its first request, however quick it is. Python runs this file as it starts.
NEVER_READY = """
import sys, time

if "locust" in sys.orig_argv:
    time.sleep(10000)
"""
CODES = {"lossless": 0, "lossy": 1, "inconclusive": 3}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[FaultyServer]:
    """Run a server that can be killed. It answers, or does what its paths say."""
    with FaultyServer.start(tmp_path / "target") as server:
        yield server


def url(server: FaultyServer, path: str = "/fault/ok") -> str:
    """Return the URL of a path of the server."""
    return f"http://{server.address}:{server.port}{path}"


def account(finished: Finished) -> dict[str, Any]:
    """Return the object that a watch printed. Both sums must be right, and the exit code that of the verdict."""
    found: dict[str, Any] = finished.json
    assert found["ok"] + found["lost_total"] + found["unfinished"] == found["sent"]
    assert found["sent"] + found["missed_slots"] + found["abandoned"] + found["client_faults"] == found["planned"]
    assert found["lost_total"] == sum(found["lost"].values())
    assert finished.code == CODES[found["verdict"]], finished.result
    assert "Traceback" not in finished.err
    assert "\x1b" not in finished.err + finished.out
    return found


def rows_of(out: Path) -> np.ndarray[Any, Any]:
    """Return the attempts on disk."""
    try:
        return np.array(read_ledger(out / "origins" / "1" / "traffic" / "ledger-0.npy"))
    except Exception:  # noqa: BLE001 - not there yet
        return np.zeros(0, [("outcome", "u1")])


def wait_for_attempts(out: Path, outcome: int, count: int) -> None:
    """Wait until a number of attempts has an outcome."""
    wait_until(lambda: (rows_of(out)["outcome"] == outcome).sum() >= count, timeout=PATIENCE, what=f"outcome {outcome}")


def test_it_ends_after_its_time(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """Exactly the planned requests were sent, and none lost. Judging and reporting again give the same bytes."""
    out = tmp_path / "watch"
    words = ("--for", "1500ms", "--rate", "40", "--method", "GET,POST", "--expect-body", "ok", "--expect-status", "200")
    finished = harness.run("watch", url(target), *words, "--json", "--out", out)
    found = account(finished)
    before = {name: (out / name).read_bytes() for name in ("verdict.json", "index.html", "junit.xml", "summary.md")}
    again, report = harness.run("analyze", out), harness.run("report", out)

    assert (found["planned"], found["lost"], found["unfinished"], found["outages"]) == (60, {}, 0, [])
    doubts = set(found["findings"])
    assert found["verdict"] == "lossless" or (doubts & STARVED and doubts <= BUSY)
    assert (again.code, report.code) == (finished.code, 0), again.result
    assert {name: (out / name).read_bytes() for name in before} == before


def tls_port(folder: Path) -> int:
    """Return the port of a target with TLS, whose certificate is not trusted by default."""
    port: int = json.loads((folder / "target" / WHERE).read_text())["tls_port"]
    return port


def test_several_urls_have_one_account(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """Each fault has its name. A missing target loses everything, and so does an untrusted one."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}/"
        stranger = f"https://127.0.0.1:{tls_port(tmp_path)}/fault/ok"
        urls = (url(target), url(target, "/fault/fin-before"), url(target, "/fault/wrong-body"), nobody, stranger)
        finished = harness.run("watch", *urls, "--for", "4s", "--rate", "25", "--expect-body", "ok", "--json")
    found = account(finished)
    missed = found["missed_slots"]

    assert (found["verdict"], found["planned"]) == ("lossy", 100)
    assert set(found["lost"]) == {"closed", "wrong-answer", "refused", "tls"}
    assert all(20 - missed <= lost <= 20 for lost in found["lost"].values())
    assert {outage["origin"] for outage in found["outages"]} == {
        each.rpartition("/fault")[0] or each.rstrip("/") for each in urls
    }
    assert not next(outage for outage in found["outages"] if outage["origin"] == nobody.rstrip("/"))["over"]


def test_a_target_that_dies_and_ctrl_c(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """Without ``--for``, it runs until Ctrl-C, and exits with the verdict's code."""
    out = tmp_path / "watch"
    process = harness.start("watch", url(target), "--json", "--out", out)
    wait_for_attempts(out, 1, 20)
    os.kill(target._process.pid, signal.SIGKILL)
    wait_for_attempts(out, 3, 20)
    process.send_signal(signal.SIGINT)
    finished = harness.finish(process)
    found = account(finished)
    (*_, last) = found["outages"]

    assert (found["verdict"], found["interrupted"], found["unfinished"]) == ("lossy", True, 0)
    assert found["ok"] >= 20
    assert found["lost"]["refused"] >= 20
    assert not last["over"]
    assert last["start_s"] + last["seconds"] == pytest.approx(found["seconds"], abs=0.03)
    assert len(rows_of(out)) == found["planned"] - found["abandoned"]


def test_an_unknown_host(harness: CommandLine) -> None:
    """Nothing was sent, which is not success, and the reason is given."""
    finished = harness.run("watch", "http://nosuch.invalid/", "--for", "1s", "--json")
    found = account(finished)

    assert (finished.code, found["planned"], found["findings"]) == (3, 0, ["trial-failed"]), finished.result
    assert "cannot resolve nosuch.invalid" in finished.err


def test_a_certificate_of_private_authorities(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """With ``--ca`` and the right name, nothing is lost."""
    words = ("--for", "4s", "--rate", "5", "--ca", CERTIFICATE, "--server-name", SERVER_NAME, "--json")
    found = account(harness.run("watch", f"https://{target.address}:{tls_port(tmp_path)}/fault/ok", *words))

    assert (found["planned"], found["lost"]) == (20, {})
    assert found["ok"] == found["sent"] > 0


def test_ctrl_c_before_the_first_request(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """Nothing was planned, so the result is inconclusive."""
    out = tmp_path / "watch"
    (tmp_path / "sitecustomize.py").write_text(NEVER_READY, encoding="utf-8")
    process = harness.start("watch", url(target), "--json", "--out", out, env={"PYTHONPATH": str(tmp_path)})
    wait_until((out / "seals" / "plan.json").exists, timeout=PATIENCE, what="its plan")
    process.send_signal(signal.SIGINT)
    finished = harness.finish(process)

    assert (finished.code, account(finished)["planned"]) == (3, 0), finished.result


def test_a_second_ctrl_c_ends_it_at_once(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """It was waiting for a hung server. No process is left, and the recorded attempts are readable."""
    out = tmp_path / "watch"
    process = harness.start("watch", url(target, "/fault/hung"), "--timeout", "100s", "--out", out)
    wait_until(lambda: len(rows_of(out)) >= 10, timeout=PATIENCE, what="requests")
    process.send_signal(signal.SIGINT)
    journal = out / "origins" / "1" / "traffic" / "traffic.jsonl"
    wait_until(lambda: '"stopping"' in journal.read_text(), timeout=PATIENCE, what="the end of planning")
    process.send_signal(signal.SIGINT)
    finished = harness.finish(process)
    harness.wait_for_none()

    assert finished.code == 130, finished.result
    assert "ended at once" in finished.err
    assert harness.run("analyze", out, "--unsealed").code == 3


def test_kill_9_of_the_watch(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """No process is left. The recorded attempts are readable, and are not called a success."""
    out = tmp_path / "watch"
    process = harness.start("watch", url(target), "--out", out)
    wait_for_attempts(out, 1, 20)
    process.kill()
    harness.finish(process)
    harness.wait_for_none()
    sealed, unsealed = harness.run("analyze", out), harness.run("analyze", out, "--unsealed")

    assert sealed.code == 2, sealed.result
    assert "--unsealed" in sealed.err
    assert unsealed.code == 3, unsealed.result
    rows = rows_of(out)
    assert f"{len(rows)} planned = {(rows['outcome'] != Outcome.MISSED).sum()} sent" in unsealed.out
    assert "it was killed before its end" in unsealed.out


def test_kill_9_of_its_traffic_process(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """It is reported at once. The remaining slots are abandoned, and nothing is lossless."""
    out = tmp_path / "watch"
    process = harness.start("watch", url(target), "--for", "100s", "--rate", "200", "--json", "--out", out)
    wait_for_attempts(out, 1, 20)
    (pid,) = [pid for pid, line in harness.processes().items() if "-m locust" in line and "guardian" not in line]
    os.kill(pid, signal.SIGKILL)
    finished = harness.finish(process)
    found = account(finished)

    assert (finished.code, "trial-failed" in found["findings"]) == (3, True), finished.result
    assert found["sent"] + found["missed_slots"] == len(rows_of(out))
    assert found["planned"] == len(rows_of(out)) + found["abandoned"]


def test_a_full_disk(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """If the ledger does not fit, but the report does, this is reported clearly, and the result is inconclusive."""
    unshare = ("unshare", "--mount", "--map-root-user")
    mount = (*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    if shutil.which("unshare") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("this user can't mount a small tmpfs in a namespace")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=1000k tmpfs "{disk}" && exec "$@"'
    watch = (sys.executable, "-m", "harness", "watch", url(target), "--for", "2s", "--out", str(disk / "w"), "--json")
    finished = harness.finish(harness.start_command([*unshare, "sh", "-c", script, "sh", *watch]))

    assert account(finished)["verdict"] == "inconclusive"
    assert "No room on disk" in finished.err


def test_invalid_input_is_refused_before_anything_starts(harness: CommandLine, tmp_path: Path) -> None:
    """All problems are reported at once, with code 2 and without a folder."""
    finished = harness.run(
        "watch", "localhost:80", "http://h/", "--rate", "0", "--for", "3", "--method", "GTE", "--connections", "old"
    )

    assert finished.code == 2, finished.result
    for word in ("--rate", "--for", "GTE", "old"):
        assert word in finished.err
    assert not (tmp_path / "reports").exists()


def test_it_is_judged_while_it_runs_and_after_kill(harness: CommandLine, target: FaultyServer, tmp_path: Path) -> None:
    """Segments are sealed meanwhile, no judgement before the end is a success, and seals outlive their writer."""
    run = RunDirectory(tmp_path / "watch")
    traffic = directory_of(run, 1).traffic
    process = harness.start("watch", url(target), "--rate", "40", "--seal-every", "200ms", "--out", run.path)
    wait_until(lambda: check_segments(traffic, 0).sealed >= 2, timeout=PATIENCE, what="two sealed segments")
    so_far = harness.run("analyze", run.path, "--so-far", "--json")
    (ready, *_) = (traffic / "traffic.jsonl").read_text().splitlines()
    process.kill()
    harness.finish(process)
    wait_until(lambda: not Path(f"/proc/{json.loads(ready)['pid']}").exists(), timeout=PATIENCE, what="its end")
    kept, unsealed = check_segments(traffic, 0), judge_as_found(run, run.differences())
    (first, *_) = paths_of(traffic, "ledger", 0)
    first.write_bytes(first.read_bytes()[:-1] + b"\1")
    harmed = judge_as_found(run, run.differences())

    assert so_far.code == {"lossy": 1, "inconclusive": 3}[so_far.json["verdict"]]
    assert not so_far.json["final"]
    assert "not-ended" in so_far.json["findings"]
    assert so_far.json["planned"] > 0
    assert so_far.json["ok"] + so_far.json["lost_total"] == so_far.json["sent"]
    assert (kept.sealed >= 2, kept.damage) == (True, ())
    assert unsealed.identity.sent >= so_far.json["sent"]
    assert (unsealed.exit_code, harmed.exit_code) == (3, 3)
    assert "segment 0 was changed" not in str(unsealed.origins)
    assert "segment 0 was changed" in str(harmed.origins)
