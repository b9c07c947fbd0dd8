"""Bring a local cluster up and down, with a fake process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.clusters.base import BringUp
from harness.clusters.local.provider import LocalProvider
from harness.errors import BringUpError, InvalidInputError, MissingToolError

pytestmark = pytest.mark.processes

FakeNode = Callable[[str], None]


def silent(_text: str) -> None:
    """Ignore progress."""


def request_in(path: Path, **more: object) -> BringUp:
    """Return a request for a cluster in a folder of the test."""
    return dataclasses.replace(BringUp(name="demo", directory=path / "cluster"), **more)  # type: ignore[arg-type]


def tree() -> set[int]:
    """Return the processes below this one."""
    return {p.pid for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE}


def test_the_cluster_exists_only_inside_its_context(tmp_path: Path, fake_node: FakeNode) -> None:
    """Inside are kubeconfig, entry and facts; afterwards neither a process nor the folder is left."""
    fake_node("works")
    steps: list[str] = []
    with LocalProvider().up(request_in(tmp_path), steps.append) as cluster:
        assert cluster.kubeconfig.read_text().count("harness-demo") > 1
        assert cluster.entry.address.startswith("127.")
        assert {"ingress", "delay profile", "cluster up in"} <= set(cluster.facts())
        assert len(tree()) >= 3
        cluster.collect(tmp_path / "evidence")

    assert tree() == set()
    assert not (tmp_path / "cluster").exists()
    assert "last words" in (tmp_path / "evidence" / "logs" / "node.log").read_text()
    assert steps == [
        "looking for the ingress controller",
        "taking loopback addresses",
        "starting the cluster's process",
        "waiting for the API server",
        "waiting for the ingress",
    ]


def test_an_error_inside_stops_the_cluster(tmp_path: Path, fake_node: FakeNode) -> None:
    """An exception inside passes through after the cluster has stopped."""
    fake_node("works")
    with pytest.raises(KeyboardInterrupt), LocalProvider().up(request_in(tmp_path), silent):
        raise KeyboardInterrupt

    assert tree() == set()


def test_folder_is_kept_if_asked(tmp_path: Path, fake_node: FakeNode) -> None:
    """The option ``keep`` keeps the folder, but no process."""
    fake_node("works")
    with LocalProvider().up(request_in(tmp_path, options={"keep": "yes"}), silent):
        pass

    assert tree() == set()
    assert (tmp_path / "cluster" / "config.json").exists()


def test_two_clusters_have_different_addresses(tmp_path: Path, fake_node: FakeNode) -> None:
    """Two clusters at the same time do not share an address."""
    fake_node("works")
    one, other = request_in(tmp_path / "1"), request_in(tmp_path / "2")
    with LocalProvider().up(one, silent) as first, LocalProvider().up(other, silent) as second:
        assert first.entry.address != second.entry.address


@pytest.mark.parametrize(("mode", "step"), [("dies", "waiting for the API server"), ("hangs", "waiting for the API")])
def test_failed_step_is_named_and_cleaned_up(
    tmp_path: Path, fake_node: FakeNode, impatient: Callable[[Path], None], mode: str, step: str
) -> None:
    """The error names the step and the end of the log, the log is kept, and no process runs."""
    impatient(tmp_path / "cluster")
    fake_node(mode)
    with pytest.raises(BringUpError, match=f"Failed step: {step}") as caught:
        LocalProvider().up(request_in(tmp_path), silent).__enter__()

    assert "last words" in caught.value.detail
    assert (tmp_path / "cluster" / "logs" / "node.log").exists()
    assert tree() == set()


def test_all_unknown_values_are_reported_before_the_start(tmp_path: Path, fake_node: FakeNode) -> None:
    """An unknown ingress, profile and image are three problems of one error."""
    fake_node("works")
    request = request_in(
        tmp_path, ingress="haproxy", profile="eks", images=("hashicorp/http-echo:1.0", "hashicorp/http-echo:7")
    )
    with pytest.raises(InvalidInputError) as caught:
        LocalProvider().check(request)

    assert len(caught.value.problems) == 3
    assert "'hashicorp/http-echo:7'" in str(caught.value)
    assert not (tmp_path / "cluster").exists()


def test_a_valid_request_passes_the_check(tmp_path: Path, fake_node: FakeNode) -> None:
    """A request that the local cluster can fulfil raises no error."""
    fake_node("works")

    LocalProvider().check(request_in(tmp_path, images=("hashicorp/http-echo:1.0", "hashicorp/http-echo:0.2.3")))


def test_missing_nginx_is_an_error_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing nginx is a MissingToolError with a hint, in the check and in the bring-up."""

    def nowhere(_progress: object) -> None:
        raise MissingToolError("There is no nginx with Lua.", hint="apt-get install it")

    monkeypatch.setattr("harness.localkube.ingress.program.find_or_fetch", nowhere)
    with pytest.raises(MissingToolError, match="apt-get install it"):
        LocalProvider().check(request_in(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install it"):
        LocalProvider().up(request_in(tmp_path), silent).__enter__()
    LocalProvider().check(request_in(tmp_path, ingress="none"))
