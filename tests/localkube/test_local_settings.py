"""The settings file and the kubeconfig."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.localkube.addresses import AddressBlock
from harness.localkube.kubeconfig import write_kubeconfig
from harness.localkube.nginx.record import NginxInstall
from harness.localkube.settings import NodeSettings


@pytest.mark.parametrize("modules", [None, Path("/m")])
def test_settings_are_read_as_written(tmp_path: Path, modules: Path | None) -> None:
    """The cluster's process reads what was written, with or without an ingress."""
    nginx = NginxInstall(Path("/usr/sbin/nginx"), modules, ("/l/?.lua",), (), "/lib", "1.22")
    for install in (nginx, None):
        settings = NodeSettings(
            name="x",
            directory=tmp_path,
            block=AddressBlock(33),
            profile="kind",
            seed=7,
            ingress="ingress-nginx",
            nginx=install,
            entry_port=8081,
            options={"keep": "yes"},
        )
        settings.write(tmp_path / "config.json")

        assert NodeSettings.read(tmp_path / "config.json") == settings


def test_kubeconfig_has_one_context(tmp_path: Path) -> None:
    """The only context is the current one and names the server."""
    write_kubeconfig(tmp_path / "kubeconfig", "demo", "http://127.20.0.1:1234")
    config = json.loads((tmp_path / "kubeconfig").read_text())

    assert config["current-context"] == config["contexts"][0]["name"] == "harness-demo"
    assert config["clusters"][0]["cluster"]["server"] == "http://127.20.0.1:1234"


@pytest.mark.parametrize(
    ("cluster", "node"),
    [
        ("demo", "demo"),
        ("bare+one--rolling-update", "bare-one-rolling-update"),
        ("Two_Axes+1--x", "two-axes-1-x"),
        ("a" * 80, "a" * 63),
        ("+", "node"),
    ],
)
def test_a_node_has_a_valid_name(tmp_path: Path, cluster: str, node: str) -> None:
    """A cell of several axes has a ``+`` in its name, which the API server refuses in the name of a Node."""
    settings = NodeSettings(
        name=cluster, directory=tmp_path, block=AddressBlock(33), profile="kind", seed=7, ingress="none", nginx=None
    )

    assert settings.node_name == node
