"""Options of ``harness run`` that repeat or prove, and ``harness explain``: what is refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import golden
import pytest

from harness.cli import explain, run
from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.runner.options import RunOptions

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "demo.yaml"


@pytest.mark.parametrize(
    ("options", "until", "prove", "as_json", "message"),
    [
        (RunOptions(), 0.05, False, True, "--until can't be combined with --json"),
        (RunOptions(expect_workers=1), None, True, False, "--prove can't be combined with --expect-workers"),
        (RunOptions(cluster="context"), None, True, False, "--prove can't be combined with --cluster context"),
        (RunOptions(), 0.05, True, False, "--until can't be combined with --prove"),
    ],
)
def test_options_that_contradict_are_refused(
    options: RunOptions, until: float | None, prove: bool, as_json: bool, message: str
) -> None:
    """The message names both options, and nothing was started."""
    with pytest.raises(InvalidInputError) as refused:
        run._start(load_experiment(EXPERIMENT), options, until=until, prove=prove, as_json=as_json)

    assert message in str(refused.value)


def test_explain_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object for each request, with its cause and the remedy."""
    path = golden.unpack("hasty", tmp_path).path

    assert explain.explain(path, as_json=True) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["cell"], found["cause"]["code"]) == ("absent--blue-green", "new-version-not-ready")
    assert [event["offset_ms"] for event in found["events"]] == sorted(e["offset_ms"] for e in found["events"])


def test_explain_says_so_if_nothing_was_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Silence would look like a failure."""
    path = golden.unpack("in-place", tmp_path).path

    assert explain.explain(path) == 0
    assert "No request was lost" in capsys.readouterr().out
