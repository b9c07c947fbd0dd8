"""Options of ``harness run`` that repeat or prove, and ``harness explain``: what is refused before anything starts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import golden
import pytest

from harness.cli import explain, run
from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.runner.options import RunOptions

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "demo.yaml"


PLAIN = run.RunExtras(until=None, prove=False, confirm=0, metrics="", otlp="", as_json=False)
UNTIL, PROVE = replace(PLAIN, until=0.05), replace(PLAIN, prove=True)


@pytest.mark.parametrize(
    ("options", "extras", "message"),
    [
        (RunOptions(), replace(UNTIL, as_json=True), "--until can't be combined with --json"),
        (RunOptions(), replace(PROVE, confirm=3), "--prove can't be combined with --confirm"),
        (RunOptions(), replace(UNTIL, metrics=":9"), "--until can't be combined with --metrics or --otlp"),
        (RunOptions(expect_workers=1), PROVE, "--prove can't be combined with --expect-workers"),
        (RunOptions(cluster="context"), PROVE, "--prove can't be combined with --cluster context"),
        (RunOptions(), replace(UNTIL, prove=True), "--until can't be combined with --prove"),
    ],
)
def test_options_that_contradict_are_refused(options: RunOptions, extras: run.RunExtras, message: str) -> None:
    """The message names both options, and nothing was started."""
    with pytest.raises(InvalidInputError) as refused:
        run._start(load_experiment(EXPERIMENT), options, extras)

    assert message in str(refused.value)


def test_explain_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object for each request, with its cause and the remedy."""
    path = golden.unpack("hasty", tmp_path).path

    assert explain.explain(path, as_json=True) == 0
    (found,) = json.loads(capsys.readouterr().out)["traces"]
    assert (found["cell"], found["cause"]["code"]) == ("absent--blue-green", "new-version-not-ready")
    assert [event["offset_ms"] for event in found["events"]] == sorted(e["offset_ms"] for e in found["events"])


def test_explain_says_so_if_nothing_was_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Silence would look like a failure."""
    path = golden.unpack("in-place", tmp_path).path

    assert explain.explain(path) == 0
    assert "No request was lost" in capsys.readouterr().out
