"""The pytest plugin: fixtures for a cluster, a target and traffic, and Experiments whose cells are tests.

pytest imports this module at every start, also for those who do not use it, so it imports nothing slow.
``--harness-experiment`` and the fixtures import what they need when they are used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.targets import Target, TestbedCluster
    from harness.runner.watch.lossless import Traffic

#: The attribute of a report by which an inconclusive test is known; xdist sends it from the worker to the terminal.
_MARK = "harness_inconclusive"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("harness", "lossless changes (harness)")
    group.addoption(
        "--harness-experiment",
        action="append",
        default=[],
        metavar="FILE",
        help="Run each cell of this Experiment as a test. Can be given several times.",
    )
    group.addoption(
        "--harness-cluster",
        default="local",
        choices=("local", "kind"),
        help="Kind of cluster for the cells: local (embedded, the default) or kind.",
    )
    group.addoption(
        "--harness-cluster-name",
        default="",
        metavar="NAME",
        help="Run the cells on the kind cluster that `harness cluster up --cluster kind --name NAME` left up. It is "
        "created if there is none, and stays up. Default: a cluster for each run.",
    )
    group.addoption(
        "--harness-reports",
        default="",
        metavar="DIR",
        help="Keep all evidence and reports in this folder. Default: reports/ for cells, pytest's temporary folder "
        "for traffic.",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Collect the Experiments: alone if no other tests are named on the command line, else in addition."""
    if config.getoption("--harness-cluster-name") and config.getoption("--harness-cluster") != "kind":
        raise pytest.UsageError("--harness-cluster-name needs --harness-cluster kind.")
    files = config.getoption("--harness-experiment")
    if not files:
        return
    named = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args = [*named, *(file for file in files if not _is_named(file, named))]


def _is_named(file: str, arguments: list[str]) -> bool:
    """Return True if the arguments have the file, or some of its cells, already."""
    return any(Path(each.partition("::")[0]).absolute() == Path(file).absolute() for each in arguments)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect an Experiment that ``--harness-experiment`` names."""
    files = parent.config.getoption("--harness-experiment")
    if not any((parent.config.invocation_params.dir / file).resolve() == file_path.resolve() for file in files):
        return None
    from harness.pytest_plugin.cells import ExperimentFile  # noqa: PLC0415 - for this option alone

    collector: pytest.Collector = ExperimentFile.from_parent(parent, path=file_path)
    return collector


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mark the report of a test that proved nothing."""
    del item
    report = yield
    # If nobody has imported the errors, nobody has raised one.
    errors = sys.modules.get("harness.errors")
    if errors is not None and call.excinfo is not None and isinstance(call.excinfo.value, errors.InconclusiveError):
        setattr(report, _MARK, True)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Count inconclusive tests as such. Their outcome is still ``failed``, so pytest's exit code is 1."""
    if getattr(report, _MARK, False):
        return "inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show why a test is inconclusive, as pytest shows failures."""
    reports = terminalreporter.getreports("inconclusive")
    if not reports:
        return
    terminalreporter.write_sep("=", "INCONCLUSIVE: neither lossless nor lossy", yellow=True)
    for report in reports:
        terminalreporter.write_sep("_", report.head_line or report.nodeid, yellow=True)
        terminalreporter.line(report.longreprtext)


@pytest.fixture
def lossless(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., AbstractContextManager[Traffic]]:
    """Return ``harness.lossless``, with its evidence in a folder of the test."""
    import harness  # noqa: PLC0415 - for this fixture alone

    folder = _folder_of(request, tmp_path)
    count = 0

    def guarded(*urls: str, **settings: Any) -> AbstractContextManager[Traffic]:
        nonlocal count
        count += 1
        return harness.lossless(*urls, **{"out": folder / f"traffic-{count}", **settings})

    return guarded


@pytest.fixture
def harness_ingress() -> str:
    """Return the ingress controller of ``harness_cluster``. Define a fixture of this name to choose another one."""
    return "ingress-nginx"


@pytest.fixture
def harness_cluster(harness_ingress: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestbedCluster]:
    """Yield an embedded cluster of the test's own: no Docker, no root, up in about a second."""
    from harness.pytest_plugin.targets import cluster_up  # noqa: PLC0415 - for this fixture alone

    with cluster_up(harness_ingress, _folder_of(request, tmp_path) / "cluster") as cluster:
        yield cluster


@pytest.fixture
def harness_target(harness_cluster: TestbedCluster) -> Callable[..., Target]:
    """Return ``deploy(workload, path)``, which deploys manifests and waits until the ingress serves the path."""
    return harness_cluster.deploy


def _folder_of(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder for the evidence of a test."""
    reports = request.config.getoption("--harness-reports")
    if not reports:
        return tmp_path
    from harness.store.rundir import new_folder  # noqa: PLC0415 - for this option alone

    return new_folder(Path(reports), request.node.name)
