"""Kind clusters that stay up when the command that started them ends: to work on with kubectl, and for ``--reuse``."""

from __future__ import annotations

from pathlib import Path

from harness.clusters.base import BringUp, Progress
from harness.clusters.kind import owned
from harness.clusters.kind.bringup import bring_up
from harness.clusters.kind.owned import Owned
from harness.clusters.kind.preflight import preflight
from harness.clusters.kind.settings import KindSettings
from harness.errors import InvalidInputError, Problem


def up(request: BringUp, progress: Progress) -> Owned:
    """Bring a cluster up and leave it running.

    Raises:
        InvalidInputError: Its cluster is up already, or the request can't be.
        MissingToolError: The machine lacks something.
        BringUpError: A step failed; its logs are in the request's directory.
    """
    settings = KindSettings.of(request, request.name)
    preflight(settings)
    found = owned.find(request.name)
    if found is not None and found.state() == "up":
        problem = Problem(f"the kind cluster {request.name!r} is up already", hint=_down(request.name))
        raise InvalidInputError([problem])
    if found is not None:
        owned.remove(found)
    return bring_up(settings, request.directory, progress, standing=True)


def down(name: str) -> None:
    """Take a cluster of ours down and forget it.

    Raises:
        InvalidInputError: There is no such cluster of ours; one that somebody else made is not touched.
    """
    owned.remove(_known(name))


def kubeconfig(name: str) -> Path:
    """The kubeconfig of a cluster that is up.

    Raises:
        InvalidInputError: There is no such cluster, or it isn't up.
    """
    found = _known(name)
    if found.state() != "up":
        raise InvalidInputError([Problem(f"the kind cluster {name!r} isn't up any more", hint=_down(name))])
    return found.kubeconfig


def _known(name: str) -> Owned:
    found = owned.find(name)
    if found is None:
        names = ", ".join(known.name for known in owned.all_owned())
        problem = Problem(f"the harness has made no kind cluster {name!r}", hint=f"it has made: {names or 'none'}")
        raise InvalidInputError([problem])
    return found


def _down(name: str) -> str:
    return f"harness cluster down --cluster kind --name {name}"
