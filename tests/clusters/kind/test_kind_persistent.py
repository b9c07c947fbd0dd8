"""Kind clusters that stay up are ours to take down, and no others."""

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
    """Progress for nobody."""


def request(tmp_path: Path) -> BringUp:
    """A request for a cluster of the name that commands use."""
    return BringUp(name="harness", directory=tmp_path / "logs")


def test_it_stays_until_it_is_taken_down(tools: FakeTools, tmp_path: Path) -> None:
    """Up, listed, found by kubectl, down, forgotten."""
    made = persistent.up(request(tmp_path), silent)
    assert made.standing
    assert [found.state() for found in records.all_records()] == ["up"]
    assert persistent.kubeconfig("harness") == made.kubeconfig

    persistent.down("harness")
    assert not tools.has_cluster()
    assert records.all_records() == []


def test_second_of_a_name_is_refused(tools: FakeTools, tmp_path: Path) -> None:
    """What is up already is left as it is."""
    persistent.up(request(tmp_path), silent)

    with pytest.raises(InvalidInputError, match="is up already"):
        persistent.up(request(tmp_path), silent)
    assert len(tools.calls("kind create")) == 1


def test_one_that_has_ended_is_made_anew(tools: FakeTools, tmp_path: Path) -> None:
    """Its node is gone: not up any more, and no obstacle."""
    persistent.up(request(tmp_path), silent)
    (tools.folder / "container").unlink()
    with pytest.raises(InvalidInputError, match="is no longer up"):
        persistent.kubeconfig("harness")
    persistent.up(request(tmp_path), silent)

    assert tools.has_cluster()


def test_clusters_that_we_did_not_make_are_not_known(tools: FakeTools) -> None:
    """Whatever kind itself knows: without our note there is nothing to take down."""
    tools.file("clusters", "mine\n")
    tools.file("container", "somebody-elses")

    with pytest.raises(InvalidInputError, match="has created no kind cluster 'mine'"):
        persistent.down("mine")
    assert tools.has_cluster()
