"""A field that decides about requests and is not carried out: refused, or a verdict that is inconclusive at best."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import ROOT, CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.nginx]

FIELD = "nginx.ingress.kubernetes.io/auth-url"


@pytest.fixture
def redirecting(tmp_path: Path, experiment: Callable[..., Path]) -> Path:
    """An Experiment on an Ingress that a real controller answers with 301."""
    folder = tmp_path / "apps"
    folder.mkdir()
    for source in (ROOT / "experiments" / "apps" / "apple-banana").iterdir():
        text = source.read_text(encoding="utf-8")
        marked = text.replace("  annotations:\n", f"  annotations:\n    {FIELD}: https://auth.example\n")
        (folder / source.name).write_text(marked, encoding="utf-8")
    assert FIELD in (folder / "ingress.yaml").read_text(encoding="utf-8")
    return experiment(workload=str(folder))


def test_a_run_is_refused_before_anything_starts(harness: CommandLine, redirecting: Path, tmp_path: Path) -> None:
    """Exit code 2, the line, the ways out; no run directory."""
    done = harness.run("run", redirecting, "--out", tmp_path / "run")

    assert done.code == 2
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
    """The reason is in the table, the reports and the evidence, and the same verdict comes from the evidence again."""
    directory = tmp_path / "run"

    done = harness.run("run", redirecting, "--out", directory, "--assume-inert", FIELD, "--json")

    assert done.code == 3, done.err
    (cell,) = done.json["cells"]
    assert (cell["verdict"], cell["lost"], cell["findings"]) == ("inconclusive", 0, ["field-assumed"])
    assert "1 field assumed" in done.err
    assert f"assumes that {FIELD} of Ingress fruit has no effect" in done.err
    for report in ("index.html", "summary.md", "junit.xml"):
        assert FIELD in (directory / report).read_text(encoding="utf-8")
    before = (directory / "verdict.json").read_bytes()
    again = harness.run("analyze", directory)
    assert again.code == 3
    assert (directory / "verdict.json").read_bytes() == before
    assert json.loads((directory / "run.json").read_text())["experiment"]["assumed"][0]["field"] == FIELD
