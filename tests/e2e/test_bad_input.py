"""Every problem of the input is named with its place and the right exit code, and nothing is left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

BAD_FIELDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown change": ({"changes": ["rolling-updat"]}, ["rolling-updat", "rolling-update"]),
    "empty matrix": ({"matrix": {}}, ["matrix"]),
    "empty axis": ({"matrix": {"lifecycle": {}}}, ["lifecycle"]),
    "missing workload": ({"workload": "nowhere"}, ["nowhere"]),
    "missing patch": ({"matrix": {"a": {"b": {"patch": "gone.yaml"}}}}, ["gone.yaml"]),
    "unknown key": ({"trails": 3}, ["trails", "trials"]),
    "two at once": ({"trails": 3, "changes": []}, ["trails", "changes"]),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_bad_experiment_is_refused(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path, case: str, command: str
) -> None:
    """The exit code is 2, each problem has file and line, and there is no run directory."""
    fields, words = BAD_FIELDS[case]
    finished = harness.run(command, experiment(**fields))

    assert finished.code == 2, finished.result
    assert [word for word in words if word not in finished.err] == []
    assert "experiment.yaml:1" in finished.err
    assert "Traceback" not in finished.err
    assert not (tmp_path / "reports").exists()


def test_malformed_yaml_is_refused(harness: CommandLine, tmp_path: Path) -> None:
    """A file that is not YAML is named with the line, and the exit code is 2."""
    path = tmp_path / "broken.yaml"
    path.write_text("name: x\nmatrix: [unclosed\n", encoding="utf-8")
    finished = harness.run("run", path)

    assert (finished.code, "broken.yaml:" in finished.err, "Traceback" in finished.err) == (2, True, False), (
        finished.result
    )


def test_a_missing_experiment_is_refused(harness: CommandLine) -> None:
    """The exit code is 2, and the file is named."""
    finished = harness.run("run", "not-there.yaml")

    assert (finished.code, "not-there.yaml" in finished.err) == (2, True), finished.result


def workload_with(tmp_path: Path, old: str, new: str) -> Path:
    """Return a copy of the shipped workload with every ``old`` replaced by ``new``."""
    target = tmp_path / "apps"
    shutil.copytree(ROOT / "experiments" / "apps" / "apple-banana", target)
    for path in target.rglob("*.yaml"):
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return target


def test_a_manifest_with_an_unknown_field_is_refused(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The field and its place in the manifest's file are named."""
    workload = workload_with(tmp_path, "containerPort:", "containrPort:")
    finished = harness.run("run", experiment(workload=str(workload)))

    assert finished.code == 2, finished.result
    assert "containrPort" in finished.err
    assert ".yaml:" in finished.err


def test_a_misspelled_image_is_refused(harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path) -> None:
    """The error names the image that was probably meant, before anything starts."""
    workload = workload_with(tmp_path, "hashicorp/http-echo:1.0", "hashicorp/http-ecko:1.0")
    finished = harness.run("run", experiment(workload=str(workload)))

    assert finished.code == 2, finished.result
    assert "hashicorp/http-ecko:1.0" in finished.err
    assert "did you mean hashicorp/http-echo" in finished.err
    assert not (tmp_path / "reports").exists()


def test_missing_nginx_is_reported(harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path) -> None:
    """Without nginx, apt and cache, the error has the command to install it. Nothing is started."""
    empty = tmp_path / "empty"
    empty.mkdir()
    finished = harness.run(
        "run", experiment(), env={"PATH": str(empty), "XDG_CACHE_HOME": str(empty), "HOME": str(empty)}
    )

    assert finished.code == 4, finished.result
    assert "nginx" in finished.err
    assert "apt-get install" in finished.err
    assert "Traceback" not in finished.err
    assert not (tmp_path / "reports").exists()


def test_an_unknown_kind_of_cluster_is_refused(harness: CommandLine, experiment: Callable[..., Path]) -> None:
    """The exit code is 2, and the known kinds are listed."""
    finished = harness.run("run", experiment(), "--cluster", "kindd")

    assert (finished.code, "local" in finished.err) == (2, True), finished.result


def test_an_unknown_option_is_a_usage_error(harness: CommandLine) -> None:
    """The exit code is 2, as everywhere."""
    assert harness.run("run", "--no-such-option").code == 2
