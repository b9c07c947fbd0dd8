"""The wheel has everything that its user needs, and works in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
SHIPPED = ("experiments", "kind-config", "locustfiles")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files in a folder of their own, as ``pip install`` puts them."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def harness(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command line in a folder."""
    command = [sys.executable, "-m", "harness", *arguments]
    env = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_wheel_has_every_shipped_file(installed: Path) -> None:
    """Each file of the shipped folders that git would keep is in the wheel, with the same bytes."""
    for name in SHIPPED:
        files = [p for p in (ROOT / name).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        assert files
        for file in files:
            assert (installed / "harness" / "shipped" / file.relative_to(ROOT)).read_bytes() == file.read_bytes()


def test_wheel_brings_the_pytest_plugin_along(installed: Path) -> None:
    """The plugin has its entry point, and the dashboard is where its module looks for it."""
    (points,) = installed.glob("harness-*.dist-info/entry_points.txt")
    dashboard = subprocess.run(
        [sys.executable, "-m", "harness.telemetry.dashboard"],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=installed.parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "[pytest11]\nharness = harness.pytest_plugin" in points.read_text(encoding="utf-8")
    assert json.loads(dashboard.stdout)["uid"] == "harness-live"


def test_wheel_has_every_file_of_the_package(installed: Path) -> None:
    """Templates, Lua, certificates and typing marker: nothing of the package stays in the checkout."""
    files = [p for p in (ROOT / "harness").rglob("*") if p.is_file() and "__pycache__" not in p.parts]

    assert [str(p) for p in files if not (installed / p.relative_to(ROOT)).is_file()] == []


def test_installed_package_uses_its_own_files(installed: Path, tmp_path: Path) -> None:
    """Kind manifests and Experiments come from the wheel, not from the checkout that happens to be there."""
    code = (
        "from harness.clusters.kind.settings import config_folder, pinned_images\n"
        "from harness.kit.shipped import shipped\n"
        "assert pinned_images()\n"
        "print(config_folder(), shipped('experiments'))"
    )
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [str(installed / "harness/shipped" / name) for name in ("kind-config", "experiments")]


def test_examples_are_copied_and_valid(installed: Path, tmp_path: Path) -> None:
    """``harness examples`` in an empty folder gives Experiments that validate as they are."""
    copied = harness(installed, tmp_path, "examples")
    valid = harness(installed, tmp_path, "validate", "experiments/demo.yaml")
    again = harness(installed, tmp_path, "examples")

    assert (copied.returncode, valid.returncode) == (0, 0), copied.stderr + valid.stderr
    assert "harness run experiments/demo.yaml" in copied.stdout
    assert again.returncode == 2
    assert "experiments exists already" in again.stderr


@pytest.mark.e2e
def test_demo_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """``harness demo`` needs no checkout; options of ``run`` pass through, and what it prints can be typed."""
    only = ("--only", "configuration=graceful,change=selector-patch")
    done = harness(installed, tmp_path, "demo", *only, "--retry-inconclusive", "3")

    # 3 if the machine leaves the sender no time however often a trial is repeated.
    assert done.returncode == (3 if "The machine is busy" in done.stdout else 0), done.stdout + done.stderr
    assert "report: reports/demo-" in done.stdout
    (report,) = tmp_path.glob("reports/demo-*/index.html")
    assert report.stat().st_size > 10_000
