"""The servers for the measurement of clients. Each is a process on its own core."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.localkube.nginx.install import find_or_fetch

ADDRESS = "127.0.0.1"
#: Body of every answer.
BODY = "ok\n"
#: Seconds for a server to start on a busy machine.
_START = 20.0

_NGINX = """\
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {address}:{port} backlog=4096;
        location / {{ default_type text/plain; return 200 "ok\\n"; }}
    }}
}}
"""


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as holder:
        holder.bind((ADDRESS, 0))
        port: int = holder.getsockname()[1]
        return port


@contextmanager
def nginx(directory: Path, *, cpu: int | None) -> Iterator[int]:
    """Run an nginx that answers every request from memory.

    Args:
        directory: Folder for its configuration and log.
        cpu: Core on which it runs; None for any.

    Yields:
        Its port.
    """
    install, port = find_or_fetch(), free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(_NGINX.format(directory=directory, address=ADDRESS, port=port))
    argv = [*pinned(cpu), str(install.binary), "-c", str(configuration), "-e", str(directory / "error.log")]
    argv += ["-p", str(directory)]
    with ManagedProcess.start(argv, name="nginx", log=directory / "nginx.log", env=install.environment()):
        wait_until(lambda: _listens(port), timeout=_START, what="nginx to listen")
        yield port


@contextmanager
def python_server(module: str, directory: Path, *arguments: str, cpu: int | None) -> Iterator[int]:
    """Run a server of this folder (``python -m bench.MODULE PORT ...``), which must listen on that port.

    Yields:
        Its port.
    """
    port = free_port()
    argv = [*pinned(cpu), sys.executable, "-m", f"bench.{module}", str(port), *arguments]
    with ManagedProcess.start(argv, name=module, log=directory / f"{module}.log", cwd=ROOT):
        wait_until(lambda: _listens(port), timeout=_START, what=f"{module} to listen")
        yield port


#: The project's folder.
ROOT = Path(__file__).resolve().parent.parent


def pinned(cpu: int | None) -> list[str]:
    """Return the prefix of a command that keeps it on one core."""
    return [] if cpu is None else ["taskset", "--cpu-list", str(cpu)]


def cores() -> tuple[int | None, int | None]:
    """Return (the client's core, the server's core); None for both if the machine has only one core."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


def has(program: str) -> bool:
    """Return True if a program is installed."""
    return subprocess.run(["which", program], capture_output=True, check=False).returncode == 0
