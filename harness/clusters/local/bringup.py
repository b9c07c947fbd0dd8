"""Brings a local cluster up in named steps, the same for a trial's cluster and for a persistent one.

The name of a step is shown while it runs, and is part of the error if it fails.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.base import BringUp, Entry, Progress
from harness.errors import BringUpError, HarnessError, MissingToolError
from harness.kit.backends import backends_file, read_backends
from harness.kit.files import clear_disk_errors, tail
from harness.kit.waiting import wait_until
from harness.localkube.addresses import AddressBlock, free_port
from harness.localkube.commands import LocalCommand
from harness.localkube.kubeconfig import write_kubeconfig
from harness.localkube.settings import (
    ENTRY_PORT,
    SERVICE_PORT,
    SERVICE_TLS_PORT,
    STARTING,
    TLS_PORT,
    NodeSettings,
)
from harness.localkube.system.programs import INGRESS_PROGRAMS, Program

#: Seconds for the cluster's process to serve its API, on a busy machine.
API_SECONDS = 90.0
#: Seconds for the ingress to accept connections after that.
INGRESS_SECONDS = 90.0

#: Lines of the cluster's log that a failure shows.
_TAIL = 20


@dataclass(frozen=True, slots=True)
class ClusterFiles:
    """The paths of a cluster's files.

    Attributes:
        directory: The cluster's folder.
    """

    directory: Path

    @property
    def config(self) -> Path:
        """Return the path of its settings."""
        return self.directory / "config.json"

    @property
    def kubeconfig(self) -> Path:
        """Return the path of its kubeconfig."""
        return self.directory / "kubeconfig"

    @property
    def node_log(self) -> Path:
        """Return the path of the log of the cluster's process."""
        return self.directory / "logs" / "node.log"


@contextmanager
def step(name: str, cluster: str, directory: Path, progress: Progress) -> Iterator[None]:
    """Run the block as one step of the bring-up.

    Raises:
        BringUpError: The step failed; with its name, the reason, and the end of the cluster's log.
        MissingToolError: Raised in the block, and passed on: it has its own hint.
    """
    progress(name)
    try:
        yield
    except (MissingToolError, BringUpError):
        raise
    except HarnessError as error:
        log = ClusterFiles(directory).node_log
        seen = "\n".join(part for part in (error.detail, tail(log, _TAIL)) if part)
        raise BringUpError(
            f"The local cluster {cluster} did not come up. Failed step: {name}. {error.message}",
            detail="\n".join(f"  | {line}" for line in seen.splitlines()),
            hint=error.hint or f"All its logs are in {log.parent}.",
        ) from error


def make_directory(directory: Path) -> Path:
    """Create the cluster's folder, without files of an earlier cluster. Return its absolute path."""
    absolute = directory.absolute()
    with clear_disk_errors(absolute):
        if absolute.exists():
            shutil.rmtree(absolute)
        (absolute / "logs").mkdir(parents=True)
    return absolute


def find_program(request: BringUp, progress: Progress) -> Program | None:
    """Find the program of the ingress controller; None for a cluster without one.

    Raises:
        MissingToolError: The program is not installed.
    """
    program = INGRESS_PROGRAMS.get(request.ingress)
    return program.find(progress) if program is not None else None


def write_settings(request: BringUp, directory: Path, block: AddressBlock, found: Program | None) -> NodeSettings:
    """Choose the entry's port, and write the settings file of the cluster's process.

    With the option ``STARTING``, create ``starting_file`` too. The caller removes it when the applications have
    started: until then, the ingress controller syncs without a rate limit.
    """
    settings = NodeSettings(
        name=request.name,
        directory=directory,
        block=block,
        profile=request.profile,
        seed=request.seed,
        ingress=request.ingress,
        nginx=found.nginx if found is not None else None,
        entry_port=free_port(block.ingress_address, ENTRY_PORT),
        tls_port=free_port(block.ingress_address, TLS_PORT),
        options=request.options,
        commands={each.id: each for each in (LocalCommand(folder, tuple(argv)) for folder, *argv in request.commands)},
    )
    config = ClusterFiles(directory).config
    with clear_disk_errors(config):
        settings.write(config)
        if request.options.get(STARTING):
            settings.starting_file.touch()
    return settings


def node_argv(directory: Path) -> list[str]:
    """Return the command line of the cluster's process. ``-P`` keeps the user's folder out of its imports."""
    return [sys.executable, "-P", "-m", "harness.localkube.node", str(ClusterFiles(directory).config)]


def wait_for_api(settings: NodeSettings, alive: Callable[[], bool]) -> str:
    """Wait until the API server answers, and write the kubeconfig.

    Args:
        settings: Settings of the cluster.
        alive: Returns True while its process runs.

    Returns:
        The base URL of the API.
    """

    def url() -> str:
        _check_alive(alive)
        try:
            return str(json.loads(settings.ready_file.read_bytes())["url"])
        except FileNotFoundError:
            return ""

    found = wait_until(url, timeout=API_SECONDS, what="the API server to serve", interval=0.01)
    write_kubeconfig(ClusterFiles(settings.directory).kubeconfig, settings.name, found)
    return found


def wait_for_ingress(settings: NodeSettings, alive: Callable[[], bool]) -> Entry:
    """Wait until the ingress accepts connections. Return the address."""
    entry = Entry(settings.block.ingress_address, settings.entry_port)

    def accepts() -> bool:
        _check_alive(alive)
        try:
            socket.create_connection((entry.address, entry.port), timeout=1).close()
        except OSError:
            return False
        return True

    if settings.ingress in INGRESS_PROGRAMS:
        what = f"the ingress to accept connections at {entry.address}:{entry.port}"
        wait_until(accepts, timeout=INGRESS_SECONDS, what=what, interval=0.01)
    return entry


def controller_entry(settings: NodeSettings) -> Entry:
    """Return the entry through the ingress controller's Service, whose endpoints kube-proxy programs."""
    program = INGRESS_PROGRAMS.get(settings.ingress)
    if program is None:
        return Entry(settings.block.ingress_address, settings.entry_port)
    address = settings.block.service_address
    path = backends_file(settings.services, program.address.namespace, program.address.service)
    if not program.tls_port:
        return Entry(address, SERVICE_PORT, path)
    secure = backends_file(settings.services, program.address.namespace, program.address.service, program.tls_port)
    return Entry(address, SERVICE_PORT, path, Entry(address, SERVICE_TLS_PORT, secure))


def service_entry(settings: NodeSettings, namespace: str, service: str, alive: Callable[[], bool]) -> Entry:
    """Wait until kube-proxy has programmed an existing Service. Return the entry that leads to it.

    Raises:
        HarnessError: kube-proxy can't implement this Service, or the cluster's process has ended.
    """
    path = backends_file(settings.services, namespace, service)

    def programmed() -> bool:
        _check_alive(alive)
        return path.exists()

    wait_until(programmed, timeout=API_SECONDS, what=f"kube-proxy to program Service {service}", interval=0.01)
    refusal = read_backends(path).refusal
    if refusal:
        raise HarnessError(f"Service {service} can't be an entry on a local cluster: {refusal}")
    return Entry(settings.block.service_address, SERVICE_PORT, path)


def _check_alive(alive: Callable[[], bool]) -> None:
    if not alive():
        raise HarnessError("The cluster's process has ended.")
