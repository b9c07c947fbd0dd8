"""Checks the machine before a kind cluster is created: creation takes minutes, and its error messages are long."""

from __future__ import annotations

import platform
import shutil
import socket
from pathlib import Path
from typing import Any

from harness.clusters.kind import tools
from harness.clusters.kind.settings import KindSettings
from harness.errors import MissingToolError

#: Required disk space: the node with its images takes about 2 GiB, and containers and logs grow.
DISK_WANTED_GIB = 4.0

_SYS_MODULE = Path("/sys/module/ip_vs")
_MODULES = Path("/lib/modules")


def preflight(settings: KindSettings) -> dict[str, Any]:
    """Check that this machine can run the cluster.

    Args:
        settings: Settings of the cluster.

    Returns:
        The output of ``docker info``.

    Raises:
        MissingToolError: docker, its daemon, kind, a free port, disk space or a kernel module is missing.
    """
    info = tools.docker_info()
    tools.kind_version()
    if settings.port:
        _check_port(settings.port)
    _check_disk(str(info.get("DockerRootDir") or ""))
    if settings.kube_proxy == "ipvs" and tools.is_local(info):
        _check_ipvs()
    return info


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise MissingToolError(
                f"Port {port} of 127.0.0.1 can't be used: {error.strerror}.",
                hint="Choose another one with --port, or omit --port to use any free one.",
            ) from error


def _check_disk(root: str) -> None:
    """Check the space in Docker's folder, if it is on this machine and readable."""
    try:
        free = shutil.disk_usage(root).free / 2**30
    except OSError:
        return
    if free < DISK_WANTED_GIB:
        raise MissingToolError(
            f"Docker has {free:.1f} GiB of free space in {root}; a kind cluster needs {DISK_WANTED_GIB:g}.",
            hint="docker system prune removes unused data.",
        )


def has_ipvs() -> bool:
    """Return True if this kernel has the module ip_vs, loaded or loadable."""
    if _SYS_MODULE.exists():
        return True
    for listing in ("modules.builtin", "modules.dep"):
        try:
            if "/ip_vs.ko" in (_MODULES / platform.release() / listing).read_text(encoding="utf-8"):
                return True
        except OSError:
            continue
    return False


def _check_ipvs() -> None:
    if not has_ipvs():
        raise MissingToolError(
            f"kube-proxy can't run in ipvs mode: this kernel ({platform.release()}) has no ip_vs.",
            hint="Use --kube-proxy iptables or nftables, or load the module: sudo modprobe ip_vs",
        )
