"""A kind cluster comes up in named steps. A failed step is reported, and leaves nothing behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.clusters.base import BringUp
from harness.clusters.kind import bringup, records
from harness.clusters.kind.provider import KindProvider
from harness.errors import BringUpError, HarnessError, InvalidInputError
from harness.kit import interruption
from harness.kit.interruption import Interrupted
from harness.kit.waiting import wait_until
from harness.testing.fake_workloads import pod

pytestmark = pytest.mark.processes

FakeTools = Any


def silent(_text: str) -> None:
    """Show no progress."""


def request(tmp_path: Path, **options: str) -> BringUp:
    """Return a request whose logs go to a folder of the test."""
    given = {key.replace("_", "-"): value for key, value in options.items()}
    return BringUp(name="demo", directory=tmp_path / "logs", images=("hashicorp/http-echo:1.0",), options=given)


def fails(tmp_path: Path, **options: str) -> BringUpError:
    """Return the error of a bring-up that fails."""
    with pytest.raises(BringUpError) as caught, KindProvider().up(request(tmp_path, **options), silent):
        raise AssertionError("it came up")
    return caught.value


def test_cluster_is_up_inside_and_gone_outside(tools: FakeTools, tmp_path: Path) -> None:
    """Each step has a name.

    Inside the context there is an entry. Outside, neither the cluster nor its record is left.
    """
    steps: list[str] = []
    with KindProvider().up(request(tmp_path), steps.append) as cluster:
        assert tools.has_cluster()
        assert cluster.entry.address == "127.0.0.1"
        assert cluster.entry.port > 0
        assert cluster.facts()["kubernetes"].startswith("v1.34.4")
        assert "s" in cluster.facts()["cluster up in"]
        cluster.check()

    assert not tools.has_cluster()
    assert records.all_records() == []
    assert steps == [
        "getting images",
        "recording it as ours",
        "creating the cluster",
        "creating the cluster: Preparing nodes",
        "loading 2 images",
        "waiting for the node",
        "applying ingress-nginx",
        "waiting for ingress-nginx",
        "waiting for the ingress to answer",
        "removing the cluster",
    ]


def test_options_reach_kind(tools: FakeTools, tmp_path: Path) -> None:
    """Node image, kube-proxy mode and port are the user's. Images of the workload are loaded."""
    asked = request(tmp_path, **{"image:node": "lab/node:1", "kube_proxy": "nftables", "port": "12345"})
    with KindProvider().up(asked, silent) as cluster:
        assert cluster.entry.port == 12345

    assert "--image lab/node:1" in tools.calls("kind create")[0]
    assert "hashicorp/http-echo:1.0" in tools.calls("kind load")[0]
    config = (tmp_path / "logs" / "cluster.yaml").read_text()
    assert "nftables" in config
    assert "12345" in config


def test_node_that_ends_is_noticed(tools: FakeTools, tmp_path: Path) -> None:
    """After the node's end a check raises: later losses are the harness's own fault."""
    with KindProvider().up(request(tmp_path), silent) as cluster:
        (tools.folder / "container").unlink()

        def noticed() -> bool:
            try:
                cluster.check()
            except HarnessError as error:
                return "ended by itself" in str(error)
            return False

        wait_until(noticed, timeout=60, what="the end to be noticed")


def test_image_that_cannot_be_pulled(tools: FakeTools, tmp_path: Path) -> None:
    """Images are checked first. The message names the image and the option that replaces it."""
    tools.file("images", "hashicorp/http-echo:1.0\n")
    error = fails(tmp_path)

    assert "Failed step: getting images" in error.message
    assert "controller:v1.11.0" in error.message
    assert "no route to host" in error.detail
    assert "--image" in error.hint
    assert not tools.calls("kind create")


def test_image_that_is_pulled(tools: FakeTools, tmp_path: Path) -> None:
    """An image that the local Docker does not have is pulled once."""
    tools.file("images", "hashicorp/http-echo:1.0\n")
    tools.file("pull.works")
    with KindProvider().up(request(tmp_path), silent):
        pass

    assert tools.calls("docker pull") == ["docker pull registry.k8s.io/ingress-nginx/controller:v1.11.0"]


def test_create_that_fails(tools: FakeTools, tmp_path: Path) -> None:
    """The error has kind's message, its logs are saved, and the incomplete cluster is deleted."""
    tools.file("create.fails")
    error = fails(tmp_path)

    assert "Failed step: creating the cluster" in error.message
    assert "kubelet is not healthy" in error.detail
    assert str(tmp_path / "logs") in error.hint
    assert (tmp_path / "logs" / "node" / "kubelet.log").exists()
    assert not tools.has_cluster()
    assert records.all_records() == []


def test_create_that_is_interrupted(tools: FakeTools, tmp_path: Path) -> None:
    """An interruption leaves nothing."""
    tools.file("create.hangs")

    def stop() -> None:
        wait_until(tools.has_cluster, timeout=60, what="kind to begin")
        interruption.interrupt(2)

    with interruption.fresh():
        thread = threading.Thread(target=stop)
        thread.start()
        with pytest.raises(Interrupted), KindProvider().up(request(tmp_path), silent):
            raise AssertionError("it came up")
        thread.join()

    assert not tools.has_cluster()
    assert records.all_records() == []


def test_load_that_fails(tools: FakeTools, tmp_path: Path) -> None:
    """A node without space is reported, and the cluster is deleted."""
    tools.file("load.fails")
    error = fails(tmp_path)

    assert "Failed step: loading 2 images" in error.message
    assert "no space left" in error.detail
    assert not tools.has_cluster()


def test_ingress_that_does_not_become_ready(tools: FakeTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the pods' reasons and the namespace's warnings."""
    monkeypatch.setattr(bringup, "ROLLOUT_SECONDS", 0.2)
    tools.kube.reactions.clear()
    stuck = pod("controller-1", {}, "", ready=False)
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no route to host"}}
    stuck["status"]["containerStatuses"] = [{"name": "controller", "state": state}]
    tools.kube.put(stuck, "ingress-nginx")
    tools.kube.put(
        {
            "kind": "Event",
            "metadata": {"name": "e"},
            "type": "Warning",
            "reason": "Failed",
            "message": "Error: ErrImagePull",
            "involvedObject": {"kind": "Pod", "name": "controller-1"},
        },
        "ingress-nginx",
    )
    error = fails(tmp_path)

    assert "Failed step: waiting for ingress-nginx" in error.message
    assert "pod controller-1, container controller: waiting ImagePullBackOff: no route to host" in error.detail
    assert error.detail.count("log: controller says") == 6
    assert "event: Pod controller-1: Failed: Error: ErrImagePull" in error.detail
    assert not tools.has_cluster()


def test_ingress_that_does_not_answer(tools: FakeTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready pods are not enough: the port must answer."""
    monkeypatch.setattr(bringup, "ENTRY_SECONDS", 0.1)
    monkeypatch.setattr(bringup, "_answers", lambda _port: False)

    assert "waiting for the ingress to answer" in fails(tmp_path).message
    assert not tools.has_cluster()


def test_failed_cluster_is_kept_if_asked(tools: FakeTools, tmp_path: Path) -> None:
    """It is kept so that people can examine it."""
    tools.file("load.fails")
    fails(tmp_path, keep="yes")

    assert tools.has_cluster()
    assert len(records.all_records()) == 1


def test_cluster_is_kept_if_asked(tools: FakeTools, tmp_path: Path) -> None:
    """It stays up, and the command to remove it is printed."""
    steps: list[str] = []
    with KindProvider().up(request(tmp_path, keep="yes"), steps.append):
        pass

    assert tools.has_cluster()
    assert "harness cluster down --cluster kind --name harness-" in steps[-1]


def test_persistent_cluster_is_reused(tools: FakeTools, tmp_path: Path) -> None:
    """With ``--reuse``, the first run creates it. The next one uses it and loads its own images."""
    for number in (1, 2):
        with KindProvider().up(request(tmp_path, reuse="yes"), silent) as cluster:
            assert cluster.name == "harness"
            assert len(tools.calls("kind load")) == number

    assert len(tools.calls("kind create")) == 1
    assert tools.has_cluster()


def test_persistent_cluster_with_other_settings_is_refused(tools: FakeTools, tmp_path: Path) -> None:
    """The existing and the requested settings are named. Nothing is changed."""
    with KindProvider().up(request(tmp_path, reuse="yes"), silent):
        pass

    with pytest.raises(InvalidInputError, match="kube-proxy iptables"):
        KindProvider().check(request(tmp_path, reuse="yes", kube_proxy="nftables"))


def test_persistent_cluster_serves_runs_without_ingress(tools: FakeTools, tmp_path: Path) -> None:
    """Traffic to a Service works with any controller."""
    with KindProvider().up(request(tmp_path, reuse="yes"), silent):
        pass
    without = replace(request(tmp_path, reuse="yes"), ingress="none")
    KindProvider().check(without)
    with KindProvider().up(without, silent) as cluster:
        assert cluster.controller is None
        assert cluster.ingress_signals == frozenset()

    assert len(tools.calls("kind create")) == 1


def test_persistent_cluster_without_node_is_created_again(tools: FakeTools, tmp_path: Path) -> None:
    """A record remains after a power cut."""
    with KindProvider().up(request(tmp_path, reuse="yes"), silent):
        (tools.folder / "container").unlink()
    with KindProvider().up(request(tmp_path, reuse="yes"), silent):
        assert tools.has_cluster()

    assert len(tools.calls("kind create")) == 2


def test_cluster_of_the_user_is_never_touched(tools: FakeTools, tmp_path: Path) -> None:
    """A cluster of that name that the harness did not create is refused, and not deleted."""
    tools.file("clusters", "mine\nother\n")
    tools.file("container", "somebody-elses")
    error = fails(tmp_path, name="mine")

    assert "not created by the harness" in error.message
    assert tools.has_cluster()
    assert not tools.calls("kind delete")


def test_cluster_that_took_the_name_since_is_not_deleted(tools: FakeTools, tmp_path: Path) -> None:
    """A cluster that somebody else created under the name since stays."""
    with KindProvider().up(request(tmp_path), silent):
        tools.file("container", "somebody-elses")

    assert tools.has_cluster()
    assert not tools.calls("kind delete")


def test_cluster_of_a_killed_run_is_taken_down_by_the_next(tools: FakeTools, tmp_path: Path) -> None:
    """Persistent clusters and those of running processes stay."""
    for name, pid, standing in (("harness-dead", 2**22 + 1, False), ("harness-stands", 2**22 + 1, True)):
        records.ClusterRecord(name, pid, 1, standing, "ingress-nginx", "iptables", "c0ffee", 80).write()
    steps: list[str] = []
    tools.file("container", "c0ffee")
    with KindProvider().up(request(tmp_path), steps.append):
        assert steps[0] == "removed harness-dead, which a killed run had left"

    assert [found.name for found in records.all_records()] == ["harness-stands"]
    assert "--name harness-dead" in tools.calls("kind delete")[0]
