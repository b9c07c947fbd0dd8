"""Two workloads are run in turn, what looks different is repeated, and the worse one is called worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import CommandLine
from documentation import ROOT

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
@pytest.mark.timeout(SECONDS + 100)
def test_an_application_without_its_hook_is_worse(harness: CommandLine) -> None:
    """Exit code 1, with the transitions of both looks; the control shows no difference."""
    write(harness.folder / "with.yaml", *PATCHES)
    write(harness.folder / "without.yaml", "readiness.yaml")
    words = ("compare", "with.yaml", "without.yaml", "--repeat", "5", "--out", "compared", "--json")
    done = harness.run(*words, timeout=SECONDS)

    assert done.code == 1, done.result
    found = json.loads(done.out)
    cells = {cell["change"]: cell for cell in found["cells"]}
    assert cells["rolling-update"]["outcome"] == "worse"
    assert cells["rolling-update"]["after"]["repeated"]["lossy"] == 5
    assert cells["none"]["outcome"] == "no-difference-shown"
    assert (harness.folder / "compared" / "repetitions" / "verdict.json").is_file()
