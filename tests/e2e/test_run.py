"""``harness run`` and the commands for its run directory work through the real command line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from command_line import CommandLine
from starved import code_of, is_sound

from harness.model.attempt import Outcome
from harness.store.ledger import read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

ROLLING = {"rolling-update": {"deployment": "apple", "set": {"args": ["-text=apple-v2"]}, "answer": "apple-v2"}}


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_control_is_lossless_and_its_run_directory_complete(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The exit code is 0, all files exist, and analyze and report give the same bytes."""
    out = tmp_path / "run"
    finished = harness.run("run", experiment(), "--out", out, "--json")
    before = digests(out)

    (cell,) = finished.json["cells"]
    rows = read_ledger(out / "trials" / "bare--none" / "1" / "traffic" / "ledger-0.npy")
    assert is_sound(cell), finished.result
    assert finished.code == code_of([cell]), finished.result
    assert cell["sent"] == (rows["outcome"] != Outcome.MISSED).sum()
    assert {"run.json", "verdict.json", "index.html", "junit.xml", "summary.md"} <= set(before)
    assert harness.run("analyze", out).code == finished.code
    assert harness.run("report", out).code == 0
    assert digests(out) == before


def test_a_loss_against_expectation_is_exit_code_1(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """A rolling update without preStop loses requests. Every report says so."""
    out = tmp_path / "run"
    change = {
        "rolling-update": {
            **ROLLING["rolling-update"],
            "set": {"args": ["-text=apple-new-{time}"]},
            "answer": "apple-new-{time}",
            "times": 3,
        }
    }
    finished = harness.run("run", experiment(changes=[change]), "--out", out, "--json")

    assert finished.code == 1, finished.result
    lossy = {cell["change"]: cell for cell in finished.json["cells"]}["rolling-update"]
    assert lossy["verdict"] == "lossy"
    assert lossy["lost"] > 0
    suite = ET.parse(out / "junit.xml").getroot()
    assert [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None] != []
    assert "lossy" in (out / "summary.md").read_text(encoding="utf-8")


def test_a_rate_that_the_sender_can_not_keep_is_inconclusive(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """A sender that falls behind its schedule proves nothing: the exit code is 3."""
    traffic = {
        "rate": "30000/s",
        "paths": ["/apple"],
        "connections": ["reused"],
        "baseline": "1s",
        "settle": "1s",
        # As long as the concurrency allows: the sender alone is too slow, and late answers are no losses.
        "timeout": "3s",
        "concurrency": 100000,
    }
    finished = harness.run("run", experiment(traffic=traffic), "--out", tmp_path / "run", "--json")

    assert finished.code == 3, finished.result
    assert finished.json["cells"][0]["verdict"] == "inconclusive"


def test_evidence_that_was_changed_is_not_judged(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """After one flipped byte in a sealed ledger, analyze names the file and refuses."""
    out = tmp_path / "run"
    assert harness.run("run", experiment(), "--out", out).code in {0, 3}
    ledger = out / "trials" / "bare--none" / "1" / "traffic" / "ledger-0.npy"
    content = bytearray(ledger.read_bytes())
    content[300] ^= 1
    ledger.write_bytes(content)
    finished = harness.run("analyze", out)

    assert finished.code == 2, finished.result
    assert "ledger-0.npy" in finished.err


def test_only_keeps_the_control(harness: CommandLine, experiment: Callable[..., Path]) -> None:
    """``--only change=…`` keeps the control of the configuration."""
    finished = harness.run("validate", experiment(changes=["none", ROLLING]), "--only", "change=rolling-update")

    assert finished.code == 0, finished.result
    assert "none" in finished.out


def test_an_out_directory_in_use_is_refused(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """A run never mixes with files of another."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine", encoding="utf-8")
    finished = harness.run("run", experiment(), "--out", tmp_path / "run")

    assert finished.code == 2, finished.result
    assert (tmp_path / "run" / "mine.txt").read_text(encoding="utf-8") == "mine"
