"""Two workloads are run in turn, what looks different is repeated, and the worse one is called worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import CommandLine
from documentation import ROOT
from starved import MEASUREMENTS

EXPERIMENT = """
version: 1
name: shop
workload: {root}/experiments/apps/apple-banana
traffic: {{rate: 60/s, paths: [{{path: /apple, answers: apple-v1}}], baseline: 3s, settle: 2s}}
matrix: {{lifecycle: {{default: {{patch: [{patches}]}}}}}}
changes:
  - rolling-update: {{deployment: apple, set: {{args: ["-text=apple-v2"]}}, answer: apple-v2}}
"""
#: Longest duration, on a busy machine: forty trials.
SECONDS = 2400
PATCHES = ("readiness.yaml", "prestop-sleep-6.yaml")


def write(path: Path, *patches: str) -> None:
    """Write an Experiment whose application has these patches."""
    named = ", ".join(f"{ROOT}/experiments/patches/{name}" for name in patches)
    path.write_text(EXPERIMENT.format(root=ROOT, patches=named))


@pytest.mark.e2e
@pytest.mark.nginx
@pytest.mark.timeout(MEASUREMENTS * SECONDS + 100)
def test_an_application_without_its_hook_is_worse(harness: CommandLine) -> None:
    """Exit code 1, with the transitions of both looks; the control shows no difference.

    A machine that starved the senders leaves too little to compare, and says so. Then all is measured again.
    """
    write(harness.folder / "with.yaml", *PATCHES)
    write(harness.folder / "without.yaml", "readiness.yaml")
    for measurement in range(1, MEASUREMENTS + 1):
        out = harness.folder / f"compared-{measurement}"
        words = ("compare", "with.yaml", "without.yaml", "--repeat", "5", "--out", out, "--json")
        done = harness.run(*words, timeout=SECONDS)
        if done.code != 3 or "the machine is busy" not in done.err:
            break

    assert done.code == 1, done.result
    found = json.loads(done.out)
    cells = {cell["change"]: cell for cell in found["cells"]}
    assert cells["rolling-update"]["outcome"] == "worse"
    assert cells["rolling-update"]["after"]["repeated"]["lossy"] == 5
    assert cells["none"]["outcome"] == "no-difference-shown"
    assert (out / "repetitions" / "verdict.json").is_file()
