"""Bringing a local cluster up and down, with a stand-in for its process."""

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
    """Progress for nobody."""


def request_in(path: Path, **more: object) -> BringUp:
    """A request for a cluster in a folder of the test's."""
    return dataclasses.replace(BringUp(name="demo", directory=path / "cluster"), **more)  # type: ignore[arg-type]


def tree() -> set[int]:
    """The processes below this one."""
    return {p.pid for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE}


def test_cluster_is_up_inside_and_gone_outside(tmp_path: Path, fake_node: FakeNode) -> None:
    """Inside there are kubeconfig, entry and facts; outside neither a process nor the folder is left."""
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


def test_error_inside_takes_the_cluster_down(tmp_path: Path, fake_node: FakeNode) -> None:
    """Whatever is raised inside passes through, after the cluster is gone."""
    fake_node("works")
    with pytest.raises(KeyboardInterrupt), LocalProvider().up(request_in(tmp_path), silent):
        raise KeyboardInterrupt

    assert tree() == set()


def test_folder_is_kept_if_asked(tmp_path: Path, fake_node: FakeNode) -> None:
    """The option ``keep`` leaves the folder, never a process."""
    fake_node("works")
    with LocalProvider().up(request_in(tmp_path, options={"keep": "yes"}), silent):
        pass

    assert tree() == set()
    assert (tmp_path / "cluster" / "config.json").exists()


def test_two_clusters_have_addresses_of_their_own(tmp_path: Path, fake_node: FakeNode) -> None:
    """Clusters side by side don't share an address."""
    fake_node("works")
    one, other = request_in(tmp_path / "1"), request_in(tmp_path / "2")
    with LocalProvider().up(one, silent) as first, LocalProvider().up(other, silent) as second:
        assert first.entry.address != second.entry.address


@pytest.mark.parametrize(("mode", "step"), [("dies", "waiting for the API server"), ("hangs", "waiting for the API")])
def test_failed_step_is_named_and_cleaned_up(
    tmp_path: Path, fake_node: FakeNode, impatient: Callable[[Path], None], mode: str, step: str
) -> None:
    """A process that dies or never serves: the error has the step and the log's end, the log stays, nothing runs."""
    impatient(tmp_path / "cluster")
    fake_node(mode)
    with pytest.raises(BringUpError, match=f"Failed step: {step}") as caught:
        LocalProvider().up(request_in(tmp_path), silent).__enter__()

    assert "last words" in caught.value.detail
    assert (tmp_path / "cluster" / "logs" / "node.log").exists()
    assert tree() == set()


def test_everything_unknown_is_listed_before_anything_starts(tmp_path: Path, fake_node: FakeNode) -> None:
    """Ingress, profile and image that nobody knows are three problems of one error."""
    fake_node("works")
    request = request_in(
        tmp_path, ingress="haproxy", profile="eks", images=("hashicorp/http-echo:1.0", "hashicorp/http-echo:7")
    )
    with pytest.raises(InvalidInputError) as caught:
        LocalProvider().check(request)

    assert len(caught.value.problems) == 3
    assert "'hashicorp/http-echo:7'" in str(caught.value)
    assert not (tmp_path / "cluster").exists()


def test_known_request_passes(tmp_path: Path, fake_node: FakeNode) -> None:
    """What the local cluster has is not complained about."""
    fake_node("works")

    LocalProvider().check(request_in(tmp_path, images=("hashicorp/http-echo:1.0", "hashicorp/http-echo:0.2.3")))


def test_machine_without_nginx_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No nginx to be had is a MissingToolError with its hint, in the check and in a bring-up."""

    def nowhere(_progress: object) -> None:
        raise MissingToolError("There is no nginx with Lua.", hint="apt-get install it")

    monkeypatch.setattr("harness.localkube.ingress.program.find_or_fetch", nowhere)
    with pytest.raises(MissingToolError, match="apt-get install it"):
        LocalProvider().check(request_in(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install it"):
        LocalProvider().up(request_in(tmp_path), silent).__enter__()
    LocalProvider().check(request_in(tmp_path, ingress="none"))
