"""Each missing requirement of a kind cluster is reported with a hint before anything starts."""

from __future__ import annotations

import platform
import shutil
import socket
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.clusters.base import BringUp
from harness.clusters.kind import preflight
from harness.clusters.kind.provider import KindProvider
from harness.errors import HarnessError, InvalidInputError, MissingToolError

pytestmark = pytest.mark.processes

FakeTools = Any


class Usage(NamedTuple):
    """The result of ``shutil.disk_usage``."""

    total: int
    used: int
    free: int


def request(**options: str) -> BringUp:
    """Return a request with these options."""
    return BringUp(name="demo", directory=Path("logs"), options={k.replace("_", "-"): v for k, v in options.items()})


def check(**options: str) -> None:
    """Check a request."""
    KindProvider().check(request(**options))


def test_machine_that_has_everything_passes(tools: FakeTools) -> None:
    """Nothing is started or created."""
    check()

    assert not tools.calls("kind create")
    assert not tools.has_cluster()


def test_missing_docker(tools: FakeTools) -> None:
    """The hint says how to install docker."""
    (tools.folder / "bin" / "docker").unlink()

    with pytest.raises(MissingToolError, match="docker is not installed") as caught:
        check()
    assert "apt-get" in caught.value.hint


def test_missing_kind(tools: FakeTools) -> None:
    """The hint says how to install kind."""
    (tools.folder / "bin" / "kind").unlink()

    with pytest.raises(MissingToolError, match="kind is not installed"):
        check()


def test_daemon_that_does_not_run(tools: FakeTools) -> None:
    """Some clients fail without a daemon, and others exit with 0."""
    tools.info(ServerErrors=["Cannot connect to the Docker daemon"])
    with pytest.raises(MissingToolError, match="daemon is not running"):
        check()

    tools.program("docker", "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    with pytest.raises(MissingToolError, match="daemon is not running"):
        check()


def test_user_who_may_not_use_docker(tools: FakeTools) -> None:
    """A refused socket is distinguished from a daemon that does not run."""
    tools.program("docker", "#!/bin/sh\necho 'permission denied while trying to connect' >&2; exit 1\n")

    with pytest.raises(MissingToolError, match="may not use Docker"):
        check()


def test_port_in_use(tools: FakeTools) -> None:
    """The requested port is in use."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MissingToolError, match="can't be used"):
            check(port=str(taken.getsockname()[1]))


def test_no_room(tools: FakeTools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's disk is almost full."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10, 9, 2**30))

    with pytest.raises(MissingToolError, match="GiB of free space"):
        check()


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_modes_that_need_no_module(tools: FakeTools, mode: str) -> None:
    """Only ipvs needs a kernel module."""
    check(kube_proxy=mode)


def test_kernel_without_ipvs(tools: FakeTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without ip_vs is refused. The kernel of another machine is not checked."""
    monkeypatch.setattr(preflight, "_SYS_MODULE", tmp_path / "no")
    monkeypatch.setattr(preflight, "_MODULES", tmp_path)
    check(kube_proxy="ipvs")

    tools.info(ServerVersion="28.0", KernelVersion=platform.release())
    with pytest.raises(MissingToolError, match="no ip_vs"):
        check(kube_proxy="ipvs")

    (tmp_path / platform.release()).mkdir()
    (tmp_path / platform.release() / "modules.dep").write_text("kernel/net/netfilter/ipvs/ip_vs.ko.zst: \n")
    check(kube_proxy="ipvs")


def test_invalid_options_are_all_listed(tools: FakeTools) -> None:
    """Ingress, mode and port are three problems of one error."""
    wrong = BringUp(
        name="demo", directory=Path("logs"), ingress="haproxy", options={"kube-proxy": "userspace", "port": "http"}
    )
    with pytest.raises(InvalidInputError) as caught:
        KindProvider().check(wrong)

    assert len(caught.value.problems) == 3


def test_installation_without_its_files(tools: FakeTools, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error about a missing kind-config has a hint."""
    monkeypatch.setenv("HARNESS_KIND_CONFIG", "nowhere")

    with pytest.raises(HarnessError, match=r"nowhere/cluster\.yaml"):
        check()
