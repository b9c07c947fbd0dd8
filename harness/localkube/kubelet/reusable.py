"""Let the kubelet take over the addresses of a program that listens without ``SO_REUSEADDR``.

A connection that such a program closes keeps the program's address and port for a minute (``TIME_WAIT``), and nothing
else can listen there meanwhile. The kubelet must, so that the address drops connections after the pod's end. The option
of a listener counts for the connections that it accepts later, so the kubelet sets it from outside.
"""

from __future__ import annotations

import ctypes
import os
import socket
from contextlib import suppress

from harness.localkube.kubelet.listeners import family, socket_files

#: Number of the system call ``pidfd_getfd``, which is the same on all architectures.
PIDFD_GETFD = 438

_libc = ctypes.CDLL(None, use_errno=True)


def make_reusable(pid: int) -> None:
    """Set ``SO_REUSEADDR`` on the sockets of a process and its descendants.

    Sockets that the kernel does not share are left as they are; the removal of the pod's network reports their ports.
    """
    for each in family(pid):
        # A process may end, and a socket may be closed, at any moment.
        with suppress(OSError):
            process = os.pidfd_open(each)
            try:
                for number in socket_files(each):
                    _set_option(process, number)
            finally:
                os.close(process)


def _set_option(process: int, number: int) -> None:
    shared = _libc.syscall(PIDFD_GETFD, process, number, 0)
    if shared < 0:
        return
    with suppress(OSError), socket.socket(fileno=shared) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
