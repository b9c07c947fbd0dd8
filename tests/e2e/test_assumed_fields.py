"""A field that affects requests and is not implemented is refused, or makes verdicts inconclusive at best."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import NOTES, ROOT, CommandLine
from starved import FOLLOWS

from harness.judging.starved import STARVED

pytestmark = [pytest.mark.e2e, pytest.mark.nginx, pytest.mark.timeout(1200)]

FIELD = "nginx.ingress.kubernetes.io/auth-url"


@pytest.fixture
def redirecting(tmp_path: Path, experiment: Callable[..., Path]) -> Path:
    """Return an Experiment with an Ingress for which a real controller answers 301."""
    folder = tmp_path / "apps"
    folder.mkdir()
    for source in (ROOT / "experiments" / "apps" / "apple-banana").iterdir():
        text = source.read_text(encoding="utf-8")
        marked = text.replace("  annotations:\n", f"  annotations:\n    {FIELD}: https://auth.example\n")
        (folder / source.name).write_text(marked, encoding="utf-8")
    assert FIELD in (folder / "ingress.yaml").read_text(encoding="utf-8")
    return experiment(workload=str(folder))


def test_a_run_is_refused_before_anything_starts(harness: CommandLine, redirecting: Path, tmp_path: Path) -> None:
    """The exit code is 2, with the line and two ways out, and there is no run directory."""
    done = harness.run("run", redirecting, "--out", tmp_path / "run")

    assert done.code == 2, done.result
    assert (
        f"Ingress fruit: {FIELD} is not implemented by the embedded cluster: a real cluster sends a subrequest"
        in done.err
    )
    assert "ingress.yaml:" in done.err
    assert "--cluster kind" in done.err
    assert not (tmp_path / "run").exists()


def test_an_assumed_field_makes_the_verdict_inconclusive(
    harness: CommandLine, redirecting: Path, tmp_path: Path
) -> None:
    """Table, reports and evidence have the reason. Judging again gives the same verdict."""
    directory = tmp_path / "run"

    done = harness.run("run", redirecting, "--out", directory, "--assume-inert", FIELD, "--json")

    assert done.code == 3, done.result
    (cell,) = done.json["cells"]
    assert (cell["verdict"], cell["lost"]) == ("inconclusive", 0)
    assert set(cell["findings"]) - STARVED - FOLLOWS - NOTES == {"field-assumed"}
    assert "1 field assumed" in done.err
    assert f"assumes that {FIELD} of Ingress fruit has no effect" in done.err
    for report in ("index.html", "summary.md", "junit.xml"):
        assert FIELD in (directory / report).read_text(encoding="utf-8")
    before = (directory / "verdict.json").read_bytes()
    again = harness.run("analyze", directory)
    assert again.code == 3, again.result
    assert (directory / "verdict.json").read_bytes() == before
    assert json.loads((directory / "run.json").read_text())["experiment"]["assumed"][0]["field"] == FIELD
