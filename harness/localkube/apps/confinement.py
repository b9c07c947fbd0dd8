"""Confine a process with Landlock, so that a command in a container cannot change the machine outside of it.

A container of the embedded cluster has no file system of its own: what runs in it sees the machine's files. Landlock is
a part of Linux that needs no privileges; the calls have no wrapper in Python or in libc.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38

# Rights on files, by the version of Landlock that introduced them.
_EXECUTE, _READ = 1 << 0, 1 << 2 | 1 << 3
_WRITE_FILE = 1 << 1
_CHANGES = sum(1 << bit for bit in range(4, 13))  # removing and making files of every type
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_SINCE = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL))
#: From this version on, a process can be kept from signalling others.
_SIGNALS_SINCE = 6
_SCOPE_SIGNAL = 1 << 1

#: Devices that every program may write to.
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/pts")

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock that the kernel has; 0 if it has none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def confine(folders: Sequence[Path]) -> None:
    """Let this process and its children read and execute everything, but write only beneath some folders.

    Raises:
        OSError: The kernel cannot do so.
    """
    has = version()
    if not has:
        raise OSError("the kernel has no Landlock, without which a command could change this machine's files")
    writes = _WRITE_FILE | _CHANGES | sum(right for since, right in _SINCE if has >= since)
    attributes = struct.pack("=QQQ", _EXECUTE | _READ | writes, 0, _SCOPE_SIGNAL if has >= _SIGNALS_SINCE else 0)
    # A kernel refuses attributes that it does not know, even if they are zero and at the end.
    size = 24 if has >= _SIGNALS_SINCE else 8
    ruleset = _call(_CREATE_RULESET, attributes[:size], ctypes.c_size_t(size), 0)
    try:
        _allow(ruleset, Path("/"), _EXECUTE | _READ)
        for folder in folders:
            _allow(ruleset, folder, _EXECUTE | _READ | writes)
        for device in _DEVICES:
            _allow(ruleset, Path(device), _device_rights(Path(device), writes))
        if _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _device_rights(device: Path, writes: int) -> int:
    """Return the rights on a device; a rule for a path that is not a folder may only have rights on files."""
    rights = _READ | writes if device.is_dir() else 1 << 2 | _WRITE_FILE | writes & (_TRUNCATE | _IOCTL)
    return rights & ~_CHANGES & ~_REFER


def _allow(ruleset: int, path: Path, rights: int) -> None:
    if not path.exists():
        return
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    found = int(_libc.syscall(number, *arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return found
