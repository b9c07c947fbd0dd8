"""The settings that a local cluster gets from a request."""

from __future__ import annotations

from pathlib import Path

from harness.clusters.base import BringUp
from harness.clusters.local.bringup import ClusterFiles, write_settings
from harness.localkube.addresses import take_block
from harness.localkube.commands import LocalCommand
from harness.localkube.settings import NodeSettings


def test_the_settings_have_the_commands_by_their_ids(tmp_path: Path) -> None:
    """A pod names a command by its id, and the process of the cluster reads the file."""
    command = LocalCommand("/shop", ("/shop/run", "$PORT"))
    request = BringUp("a", tmp_path, ingress="none", commands=((command.folder, *command.argv),))
    with take_block() as held:
        settings = write_settings(request, tmp_path, held.block, None)

    assert settings.commands == {command.id: command}
    assert NodeSettings.read(ClusterFiles(tmp_path).config) == settings
