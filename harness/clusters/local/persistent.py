"""Persistent local clusters, which stay up after the command that started them: for kubectl.

Each has a folder in the user's state directory and a guardian that is a daemon. A cluster is up if its guardian runs,
which is checked by process id and start time. The folder proves nothing: it survives a power cut.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.clusters.base import BringUp, Entry, Progress
from harness.clusters.local import bringup
from harness.clusters.local.provider import LocalProvider
from harness.errors import InvalidInputError, Problem
from harness.kit import guardian
from harness.kit.backends import read_backends
from harness.kit.daemon import Daemon
from harness.kit.files import clear_disk_errors, write_text
from harness.kit.interruption import Interrupted, shielded
from harness.kit.leftovers import LeftOver, left_over_processes
from harness.kit.waiting import wait_until
from harness.localkube.addresses import take_block
from harness.model.controllers import DEFAULT

#: Timeout in seconds. A killed process ends as soon as a busy machine gives it a moment.
_KILL_SECONDS = 30

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class PersistentCluster:
    """A persistent cluster.

    Attributes:
        name: Name of the cluster.
        state: ``up``, or ``down`` if only its folder is left.
        kubeconfig: Path of its kubeconfig.
        entry: Where traffic enters now; None if it never came up.
    """

    name: str
    state: str
    kubeconfig: Path
    entry: Entry | None

    @property
    def entry_url(self) -> str:
        """Return the URL of its ingress; ``-`` if it never came up."""
        return f"http://{self.entry.address}:{self.entry.port}" if self.entry else "-"


def _silent(_text: str) -> None:
    pass


def up(
    name: str, *, profile: str = "kind", ingress: str = DEFAULT.word, seed: int = 0, progress: Progress = _silent
) -> PersistentCluster:
    """Bring a cluster up and leave it running.

    Raises:
        InvalidInputError: The name is invalid, or a cluster of that name is up.
        BringUpError: A step failed. Nothing of it runs; the message names the folder of its logs.
        Interrupted: The user stopped it. Nothing of it is left.
    """
    directory = _directory(name)
    request = BringUp(name=name, directory=directory, profile=profile, ingress=ingress, seed=seed)
    LocalProvider().check(request)
    with _locked():
        if _state(directory) == "up":
            raise InvalidInputError(
                [Problem(f"the cluster {name!r} is up already", hint=f"harness cluster down --name {name}")]
            )
        try:
            _remove(directory)
            _start(request, bringup.make_directory(directory), progress)
        except Interrupted:
            with shielded():
                _remove(directory)
            raise Interrupted(f"nothing of the cluster {name} is left") from None
    return _read(directory)


def down(name: str) -> None:
    """Stop a cluster and remove its folder, with any processes that a killed guardian left.

    Raises:
        InvalidInputError: There is no such cluster.
    """
    directory = _directory(name)
    with _locked():
        if not directory.is_dir():
            raise _unknown(name)
        _remove(directory)


def status() -> list[PersistentCluster]:
    """Return all persistent local clusters of this user, sorted by name."""
    try:
        folders = sorted(path for path in _root().iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    return [_read(path) for path in folders]


def guardians() -> dict[tuple[int, int], str]:
    """Return the names of persistent clusters by (process id, start) of their guardians, even if those have ended."""
    found = [(_daemon(_directory(cluster.name)), cluster.name) for cluster in status()]
    return {(node.pid, node.started): name for node, name in found if node is not None}


def kubeconfig(name: str) -> Path:
    """Return the path of the kubeconfig of a running cluster.

    Raises:
        InvalidInputError: There is no such cluster, or it is not up.
    """
    directory = _directory(name)
    if not directory.is_dir():
        raise _unknown(name)
    if _state(directory) != "up":
        raise InvalidInputError(
            [Problem(f"the cluster {name!r} is no longer up", hint=f"harness cluster up --name {name}")]
        )
    return bringup.ClusterFiles(directory).kubeconfig


def _start(request: BringUp, directory: Path, progress: Progress) -> None:
    with bringup.step("taking loopback addresses", request.name, directory, progress):
        found = bringup.find_program(request, progress)
        held = take_block()
    with held:
        settings = bringup.write_settings(request, directory, held.block, found)
        # Record the process before an interruption can be raised, so that it can be stopped.
        with bringup.step("starting the cluster's process", request.name, directory, progress), shielded():
            log = bringup.ClusterFiles(directory).node_log
            node = Daemon.start(bringup.node_argv(directory), log=log, cwd=directory, pass_fds=(held.fileno(),))
            with _stopped_on_error(node):
                write_text(directory / "guardian.json", json.dumps({"pid": node.pid, "started": node.started}) + "\n")
    with _stopped_on_error(node):
        with bringup.step("waiting for the API server", request.name, directory, progress):
            bringup.wait_for_api(settings, node.alive)
        with bringup.step("waiting for the ingress", request.name, directory, progress):
            entry = bringup.wait_for_ingress(settings, node.alive)
        backends = bringup.controller_entry(settings).backends
        where = {"address": entry.address, "port": entry.port, "backends": str(backends or "")}
        write_text(directory / "entry.json", json.dumps(where) + "\n")


@contextmanager
def _stopped_on_error(node: Daemon) -> Iterator[None]:
    try:
        yield
    except BaseException:
        node.stop()
        raise


def _remove(directory: Path) -> None:
    """Stop all processes of a cluster, and remove its folder."""
    node = _daemon(directory)
    if node is not None:
        node.stop()
        _kill_left_over(node)
    with clear_disk_errors(directory):
        if directory.exists():
            shutil.rmtree(directory)


def _kill_left_over(node: Daemon) -> None:
    """Kill the processes that a killed guardian left."""

    def left() -> list[LeftOver]:
        return [
            process
            for process in left_over_processes()
            if (process.guardian, process.guardian_started) == (node.pid, node.started)
        ]

    def none_left() -> bool:
        found = left()
        for process in found:
            guardian.send(process.pid, process.started, signal.SIGKILL)
        return not found

    wait_until(
        none_left, timeout=_KILL_SECONDS, what=lambda: f"processes {[each.pid for each in left()]} to end after SIGKILL"
    )


def _root() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "harness" / "clusters"


def _directory(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            [
                Problem(
                    f"{name!r} is not a valid name of a cluster",
                    hint="up to 40 of a-z, 0-9 and -, with a letter or digit at both ends",
                )
            ]
        )
    return _root() / name


@contextmanager
def _locked() -> Iterator[None]:
    """Allow one command at a time: two that start or stop the same cluster would remove each other's folder."""
    lock = _root() / ".lock"
    with clear_disk_errors(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("w")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _daemon(directory: Path) -> Daemon | None:
    try:
        data = json.loads((directory / "guardian.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return Daemon(int(data["pid"]), int(data["started"]))


def _state(directory: Path) -> str:
    node = _daemon(directory)
    return "up" if node is not None and node.alive() else "down"


def _read(directory: Path) -> PersistentCluster:
    try:
        data = json.loads((directory / "entry.json").read_bytes())
        entry = _entry_now(data)
    except (FileNotFoundError, ValueError):
        entry = None
    return PersistentCluster(directory.name, _state(directory), bringup.ClusterFiles(directory).kubeconfig, entry)


def _entry_now(data: Mapping[str, Any]) -> Entry:
    """Return the current address of the ingress controller's pod, which changes when the pod is replaced."""
    backends = data.get("backends")
    pods = read_backends(Path(backends)).addresses if backends else ()
    return Entry(*pods[0]) if pods else Entry(str(data["address"]), int(data["port"]))


def _unknown(name: str) -> InvalidInputError:
    names = ", ".join(cluster.name for cluster in status())
    return InvalidInputError([Problem(f"there is no cluster {name!r}", hint=f"existing clusters: {names or 'none'}")])
