"""The harness removes only the persistent kind clusters that it created."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.clusters.base import BringUp
from harness.clusters.kind import persistent, records
from harness.errors import InvalidInputError

pytestmark = pytest.mark.processes

FakeTools = Any


def silent(_text: str) -> None:
    """Show no progress."""


def request(tmp_path: Path) -> BringUp:
    """Return a request for a cluster with the default name."""
    return BringUp(name="harness", directory=tmp_path / "logs")


def test_it_stays_until_it_is_removed(tools: FakeTools, tmp_path: Path) -> None:
    """It is up, listed, reachable by kubectl, and then removed."""
    made = persistent.up(request(tmp_path), silent)
    assert made.standing
    assert [found.state() for found in records.all_records()] == ["up"]
    assert persistent.kubeconfig("harness") == made.kubeconfig

    persistent.down("harness")
    assert not tools.has_cluster()
    assert records.all_records() == []


def test_second_of_a_name_is_refused(tools: FakeTools, tmp_path: Path) -> None:
    """A running cluster is not changed."""
    persistent.up(request(tmp_path), silent)

    with pytest.raises(InvalidInputError, match="is up already"):
        persistent.up(request(tmp_path), silent)
    assert len(tools.calls("kind create")) == 1


def test_one_without_node_is_created_again(tools: FakeTools, tmp_path: Path) -> None:
    """A cluster without its node is not up, and does not prevent a new one."""
    persistent.up(request(tmp_path), silent)
    (tools.folder / "container").unlink()
    with pytest.raises(InvalidInputError, match="is no longer up"):
        persistent.kubeconfig("harness")
    persistent.up(request(tmp_path), silent)

    assert tools.has_cluster()


def test_clusters_that_we_did_not_make_are_not_known(tools: FakeTools) -> None:
    """Without a record there is nothing to remove, even if kind knows the cluster."""
    tools.file("clusters", "mine\n")
    tools.file("container", "somebody-elses")

    with pytest.raises(InvalidInputError, match="has created no kind cluster 'mine'"):
        persistent.down("mine")
    assert tools.has_cluster()
