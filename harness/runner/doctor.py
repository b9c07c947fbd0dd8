"""Checks this machine for ``harness doctor``.

Each check is one small function that returns what it found and how to get what is missing. No check changes anything.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import psutil

from harness.clusters.kind import records
from harness.clusters.kind.preflight import has_ipvs
from harness.clusters.local import persistent
from harness.errors import CommandError, HarnessError, MissingToolError
from harness.kit.leftovers import LeftOver, left_over_processes
from harness.kit.processes import run
from harness.localkube.system.programs import INGRESS_PROGRAMS
from harness.model.controllers import DEFAULT
from harness.runner.load import measure_load


class State(StrEnum):
    """Result of a check. ``LACKS`` stops the local cluster; ``OPTIONAL`` is needed only for other things."""

    OK = "ok"
    OPTIONAL = "optional"
    LACKS = "lacks"


@dataclass(frozen=True, slots=True)
class Check:
    """One fact about this machine.

    Attributes:
        what: Name of the tool or resource.
        state: Result of the check.
        found: Version, number or path that was found.
        hint: Way to get what is missing; may be empty.
    """

    what: str
    state: State
    found: str
    hint: str = ""


#: Limit of open files. At the default rate, traffic process and nginx each hold about a hundred sockets per trial.
FILES_WANTED = 4096
#: Free disk space for the evidence of a long run at a high rate: 80 bytes per attempt, and logs.
DISK_WANTED_GIB = 1.0


def check_system() -> Check:
    """Check for Linux: the local cluster uses all of 127.0.0.0/8 and /proc."""
    if platform.system() == "Linux":
        return Check("system", State.OK, f"Linux {platform.release()}")
    return Check("system", State.LACKS, platform.system(), "the local cluster runs on Linux only")


def check_python() -> Check:
    """Return the version and path of the running Python."""
    return Check("python", State.OK, f"{platform.python_version()} at {sys.executable}")


def check_files() -> Check:
    """Check the limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= FILES_WANTED:
        return Check("open files", State.OK, f"{soft}")
    return Check("open files", State.LACKS, f"{soft} (hard limit {hard})", f"ulimit -n {FILES_WANTED}")


def check_ports() -> Check:
    """Return the range of local ports: each new connection uses one and keeps it for a minute."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split())
    return Check("local ports", State.OK, f"{low}-{high}: {(high - low) // 60} new connections/s for long runs")


def check_loopback() -> Check:
    """Check that pods can have addresses of their own in 127.0.0.0/8."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.77.0.1", 0))
        except OSError as error:
            return Check("loopback 127.0.0.0/8", State.LACKS, str(error), "ip address add 127.0.0.1/8 dev lo")
    return Check("loopback 127.0.0.0/8", State.OK, "addresses other than 127.0.0.1 can be used")


def check_low_ports() -> Check:
    """Check for ports below 1024: the nginx-hostname app of exercise 1 listens on port 80."""
    start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii"))
    if os.geteuid() == 0 or start <= 80:
        return Check("ports below 1024", State.OK, "can be used")
    return Check(
        "ports below 1024",
        State.OPTIONAL,
        "not for this user; only the nginx-hostname app of exercise 1 needs one",
        "sudo sysctl net.ipv4.ip_unprivileged_port_start=80",
    )


def check_disk() -> Check:
    """Check for free disk space for evidence."""
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    if free >= DISK_WANTED_GIB:
        return Check("disk", State.OK, f"{free:.1f} GiB free here")
    return Check("disk", State.LACKS, f"{free:.2f} GiB free here", "free some room, or use --out on another disk")


def check_cores() -> Check:
    """Return cores and free memory. The cores, and how free they are, decide how many trials run in parallel."""
    memory = psutil.virtual_memory()
    return Check("machine", State.OK, f"{psutil.cpu_count()} cores, {memory.available / 2**30:.1f} GiB memory free")


def check_program(word: str) -> Check:
    """Look for the program of an ingress controller: found, fetched, or part of the Python environment.

    Args:
        word: The controller's word in ``harness.localkube.system.programs``.
    """
    program = INGRESS_PROGRAMS[word]
    try:
        found = program.find()
    except MissingToolError as error:
        if word == DEFAULT.word:
            return Check(program.needs, State.LACKS, error.message, error.hint)
        return Check(program.needs, State.OPTIONAL, f"{error.message} Only `ingress: {word}` needs it.", error.hint)
    return Check(program.needs, State.OK, f"{found.version} at {found.place}")


def _programs() -> tuple[Callable[[], Check], ...]:
    """Return a check for each program, once for all controllers that need it."""
    first = {program.package: word for word, program in reversed([*INGRESS_PROGRAMS.items()])}
    return tuple(partial(check_program, word) for word in INGRESS_PROGRAMS if word in first.values())


def _tool(name: str, argv: tuple[str, ...], hint: str) -> Check:
    """Check for a program that only some features need."""
    path = shutil.which(name)
    if path is None:
        return Check(name, State.OPTIONAL, "not found", hint)
    try:
        lines = run([path, *argv], timeout=10).stdout.strip().splitlines()
    except (CommandError, HarnessError) as error:
        return Check(name, State.OPTIONAL, f"{path} is there, but: {error.message}", hint)
    return Check(name, State.OK, f"{lines[0] if lines else 'answers'} at {path}")


def check_kubectl() -> Check:
    """Check for kubectl, which people use to look into a cluster."""
    hint = "sudo apt-get install kubernetes-client"
    return _tool("kubectl", ("version", "--client=true"), hint)


def check_docker() -> Check:
    """Check for Docker, which kind clusters need."""
    return _tool("docker", ("info", "--format", "server {{.ServerVersion}}"), "needed for --cluster kind only")


def check_kind() -> Check:
    """Check for kind."""
    return _tool("kind", ("version",), "needed for --cluster kind only")


def check_leftovers() -> Check:
    """Check for processes of earlier runs: a pod left over can answer in place of a new one."""
    left = left_over_processes()
    if not left:
        return Check("left-over processes", State.OK, "none")
    listed = ", ".join(f"{process.pid} ({process.command})" for process in left)
    return Check("left-over processes", State.LACKS, listed, remedy(left, persistent.guardians()))


def remedy(left: list[LeftOver], clusters: Mapping[tuple[int, int], str]) -> str:
    """Return the commands that end left-over processes.

    Processes of a persistent cluster end with that cluster. Others can only be killed.
    """
    names = dict.fromkeys(clusters.get((process.guardian, process.guardian_started), "") for process in left)
    commands = [f"harness cluster down --name {name}" for name in names if name]
    pids = [str(p.pid) for p in left if (p.guardian, p.guardian_started) not in clusters]
    return "; ".join([*commands, *([f"kill {' '.join(pids)}"] if pids else [])])


def check_persistent() -> Check:
    """List the clusters that `harness cluster up` left running on purpose."""
    names = [f"{cluster.name} ({cluster.state})" for cluster in persistent.status()]
    names += [f"{cluster.name} (kind, {cluster.state()})" for cluster in records.all_records() if cluster.standing]
    return Check("persistent clusters", State.OK, ", ".join(names) or "none")


def check_orphaned_clusters() -> Check:
    """Check for kind clusters of runs that were killed: each holds a gigabyte of memory."""
    names = [cluster.name for cluster in records.all_records() if cluster.orphaned()]
    if not names:
        return Check("left-over kind clusters", State.OK, "none")
    hint = "; ".join(f"harness cluster down --cluster kind --name {name}" for name in names)
    return Check(
        "left-over kind clusters", State.OPTIONAL, ", ".join(names), f"the next kind run removes them, or: {hint}"
    )


def check_ipvs() -> Check:
    """Check for the kernel module that kube-proxy's ipvs mode needs."""
    if has_ipvs():
        return Check("kernel module ip_vs", State.OK, "there")
    return Check(
        "kernel module ip_vs", State.OPTIONAL, "not there", "only kind clusters with --kube-proxy ipvs need it"
    )


def check_load() -> Check:
    """Measure what this machine can send; this takes ten seconds.

    Raises:
        HarnessError: The sender or its target could not start.
    """
    measured = measure_load()
    if measured.rate:
        return Check("load", State.OK, f"{measured.text}; --rate auto sends {measured.automatic}/s")
    return Check("load", State.OPTIONAL, measured.text, "end what else runs here, then measure again")


CHECKS: tuple[Callable[[], Check], ...] = (
    check_system,
    check_python,
    check_cores,
    check_files,
    check_ports,
    check_loopback,
    check_low_ports,
    check_disk,
    *_programs(),
    check_kubectl,
    check_docker,
    check_kind,
    check_ipvs,
    check_persistent,
    check_orphaned_clusters,
    check_leftovers,
)
