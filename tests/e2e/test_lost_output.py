"""No verdict depends on output without a reader, on a terminal that hangs up, or on logs that can't be written."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import MARK, PATIENCE, ROOT, CommandLine, reached
from starved import code_of, is_sound

from harness.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

HARNESS = (sys.executable, "-m", "harness")
#: Ways in which all output is lost; ``$@`` is the command.
EVERY_WAY = {
    "closed": '"$@" <&- >&- 2>&-',
    "no reader and no room": '"$@" 2>/dev/full | true; exit ${PIPESTATUS[0]}',
}
#: The harness's own process cannot open any log. Python runs this file as it starts.
NO_LOGS = """
import builtins, errno, io, sys

if "harness" in sys.orig_argv:
    really = io.open

    def refuse(file, *args, **options):
        mode = args[0] if args else options.get("mode", "r")
        if str(file).endswith(".log") and "r" not in mode:
            raise OSError(errno.EROFS, "Read-only file system")
        return really(file, *args, **options)

    io.open = builtins.open = refuse
"""
TRAFFIC: dict[str, Any] = {
    "rate": "10/s",
    "paths": ["/apple"],
    "methods": ["GET"],
    "connections": ["new"],
    "baseline": "2s",
    "settle": "1s",
    "timeout": "3s",
}
NOBODY = {"selector-patch": {"service": "apple-service", "selector": {"version": "nobody"}, "hold": "5s"}}


def lossy(harness: CommandLine, way: str, *args: str | Path) -> int:
    """Return the exit code of a command whose output is lost that way."""
    return harness.finish(harness.start_command(["bash", "-c", way, "bash", *HARNESS, *map(str, args)])).code


@dataclass(frozen=True)
class Kept:
    """The result of a run without output.

    Attributes:
        code: Its exit code.
        is_right: True if that is the code of a lossless cell, or of one that the machine starved.
        said: What went to standard error.
        directory: The run directory.
        experiment: What was run.
    """

    code: int
    is_right: bool
    said: str
    directory: Path
    experiment: Path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Return a lossless run whose reader has closed the pipe (``| head -0``), and that can't write any log."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(NO_LOGS)
    experiment = folder / "experiment.yaml"
    workload = ROOT / "experiments" / "apps" / "apple-banana"
    experiment.write_text(
        f"{{name: tiny, workload: {workload}, ingress: ingress-nginx, matrix: {{lifecycle: {{bare: {{}}}}}}, "
        f"changes: [none], traffic: {TRAFFIC}}}"
    )
    harness = CommandLine(folder)
    way = '"$@" 2>said | head -0; exit ${PIPESTATUS[0]}'
    words = ("run", str(experiment), "--out", "run", "--retry-inconclusive", "2")
    command = ["bash", "-c", way, "bash", *HARNESS, *words]
    finished = harness.finish(harness.start_command(command, env={"PYTHONPATH": str(folder / "site")}))
    harness.wait_for_none()
    (cell,) = json.loads((folder / "run" / "verdict.json").read_text())["cells"]
    found = {**cell, "findings": [each["code"] for each in (*cell["findings"], *cell["trials"][0]["findings"])]}
    is_right = is_sound(found) and finished.code == code_of([found])
    return Kept(finished.code, is_right, (folder / "said").read_text(), folder / "run", experiment)


def test_a_lossless_run_without_reader_and_without_logs_is_lossless(harness: CommandLine, kept: Kept) -> None:
    """The exit code is that of the verdict, the evidence is sealed, and the loss of the logs is reported once."""
    assert kept.is_right, kept.said
    assert kept.said.count("logs are lost") == 1
    assert "Traceback" not in kept.said
    assert not list(kept.directory.rglob("locust.log"))
    assert harness.run("analyze", kept.directory).code == kept.code


@pytest.mark.parametrize("way", EVERY_WAY.values(), ids=EVERY_WAY)
def test_every_command_ends_with_its_code(harness: CommandLine, kept: Kept, tmp_path: Path, way: str) -> None:
    """The exit code does not depend on the output."""
    expected = {
        ("--version",): 0,
        ("--nonsense",): 2,
        ("validate", kept.experiment): 0,
        ("validate", "nowhere.yaml"): 2,
        ("analyze", kept.directory): kept.code,
        ("report", kept.directory): 0,
        ("export", kept.directory, "--out", tmp_path / "attempts.csv"): 0,
        ("calibrate", "--list"): 0,
        ("calibrate", "--faults", "fin-before", "--count", "1", "--json"): 0,
        ("doctor",): 0,
        ("undo", kept.directory): 2,
        ("worker", "--join", "nowhere"): 2,
        ("migrate",): 2,
        ("cluster", "down", "--name", "nobody"): 2,
        ("watch", "http://127.0.0.1:1/", "--for", "4s", "--rate", "10", "--out", tmp_path / "watch"): 1,
    }
    found = {args: lossy(harness, way, *args) for args in expected}

    assert found == expected
    assert harness.run("analyze", tmp_path / "watch").code == 1


def test_a_lossy_run_without_any_stream_is_lossy(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The exit code is 1, and the sealed evidence agrees: no output went into it."""
    path = experiment(traffic=TRAFFIC, changes=[NOBODY])

    assert lossy(harness, EVERY_WAY["closed"], "run", path, "--out", tmp_path / "run") == 1
    assert harness.run("analyze", tmp_path / "run").code == 1


@pytest.mark.parametrize("command", [("export",), ("annotations", "--json")])
@pytest.mark.parametrize(("redirection", "code"), [(">&-", 4), (">/dev/full", 4), ("| head -1 >/dev/null", 0)])
def test_a_product_that_is_not_written_is_an_error(
    harness: CommandLine, kept: Kept, command: tuple[str, ...], redirection: str, code: int
) -> None:
    """The output is the purpose of the command. A reader that closes the pipe early is no error."""
    way = f'"$@" {redirection}; exit ${{PIPESTATUS[0]}}'

    assert lossy(harness, way, *command, kept.directory) == code


def test_a_cluster_goes_up_and_down_without_output(harness: CommandLine, tmp_path: Path) -> None:
    """It is up if the exit code is 0. A kubeconfig that is not printed is an error."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    codes = []
    for words in (["up"], ["kubeconfig"], ["status"], ["down"]):
        command = ["bash", "-c", EVERY_WAY["closed"], "bash", *HARNESS, "cluster", *words]
        codes.append(harness.finish(harness.start_command(command, env=env)).code)

    assert codes == [0, 4, 0, 0]


def test_sighup_during_the_baseline_ends_a_run_in_order(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """As with SIGTERM, clusters are removed, the evidence is judged, and the exit code names the signal."""
    out = tmp_path / "run"
    process = harness.start("run", experiment(traffic={**TRAFFIC, "baseline": "60s"}), "--out", out)
    wait_until(lambda: reached(out / "trials" / "bare--none" / "1", "baseline"), timeout=PATIENCE, what="the baseline")
    process.send_signal(signal.SIGHUP)
    finished = harness.finish(process)
    harness.wait_for_none()

    assert finished.code == 128 + signal.SIGHUP, finished.result
    assert "Stopped by SIGHUP" in finished.out
    assert harness.run("analyze", out).code == 3


def test_a_terminal_that_hangs_up_during_the_change_ends_a_run_in_order(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The kernel sends SIGHUP, and the live display can no longer draw."""
    out = tmp_path / "run"
    rollouts = {"deployment": "apple", "set": {"args": ["-text=x-{time}"]}, "times": 50}
    path = experiment(traffic=TRAFFIC, changes=[{"rolling-update": rollouts}])
    window, terminal = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *HARNESS, "run", str(path), "--out", str(out), "--only", "change=rolling-update"],
        stdin=terminal, stdout=terminal, stderr=terminal, cwd=tmp_path, env={**os.environ, MARK: harness.mark},
    )  # fmt: skip
    os.close(terminal)
    trial = out / "trials" / "bare--rolling-update" / "1"
    wait_until(lambda: reached(trial, "change"), timeout=PATIENCE, what="the change")
    os.close(window)
    code = process.wait(PATIENCE)
    harness.wait_for_none()

    assert code == 128 + signal.SIGHUP
    assert harness.run("analyze", out).code == 3
