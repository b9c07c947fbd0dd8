"""Persistent kind clusters, which stay up after the command that started them: for kubectl and ``--reuse``."""

from __future__ import annotations

from pathlib import Path

from harness.clusters.base import BringUp, Progress
from harness.clusters.kind import records
from harness.clusters.kind.bringup import bring_up
from harness.clusters.kind.preflight import preflight
from harness.clusters.kind.records import ClusterRecord
from harness.clusters.kind.settings import KindSettings
from harness.errors import InvalidInputError, Problem


def up(request: BringUp, progress: Progress) -> ClusterRecord:
    """Bring a cluster up and leave it running.

    Raises:
        InvalidInputError: A cluster of that name is up already, or the request is invalid.
        MissingToolError: This machine lacks a program or resource.
        BringUpError: A step failed; its logs are in the request's directory.
    """
    settings = KindSettings.of(request, request.name)
    preflight(settings)
    found = records.find(request.name)
    if found is not None and found.state() == "up":
        problem = Problem(f"the kind cluster {request.name!r} is up already", hint=_down(request.name))
        raise InvalidInputError([problem])
    if found is not None:
        records.remove(found)
    return bring_up(settings, request.directory, progress, standing=True)


def down(name: str) -> None:
    """Delete a cluster that the harness created, with its record.

    Raises:
        InvalidInputError: The harness created no such cluster. Clusters of others are never touched.
    """
    records.remove(_known(name))


def kubeconfig(name: str) -> Path:
    """Return the path of the kubeconfig of a running cluster.

    Raises:
        InvalidInputError: There is no such cluster, or it is not up.
    """
    found = _known(name)
    if found.state() != "up":
        raise InvalidInputError([Problem(f"the kind cluster {name!r} is no longer up", hint=_down(name))])
    return found.kubeconfig


def _known(name: str) -> ClusterRecord:
    found = records.find(name)
    if found is None:
        names = ", ".join(known.name for known in records.all_records())
        message = f"the harness has created no kind cluster {name!r}"
        problem = Problem(message, hint=f"it has created: {names or 'none'}")
        raise InvalidInputError([problem])
    return found


def _down(name: str) -> str:
    return f"harness cluster down --cluster kind --name {name}"
