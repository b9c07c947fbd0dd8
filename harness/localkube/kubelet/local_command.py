"""What a local command needs of the kubelet: its variables, and a look at what it shares with other pods."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from harness.localkube.commands import POD_IP, PORT
from harness.localkube.kubelet.listeners import foreign_listeners

#: Programs that signal others by number or name. A command has no process numbers of its own.
_SIGNALLING = re.compile(r"(?:^|[\s;&|/(])(kill|pkill|killall)(?:$|[\s;&|)])")
_LOOPBACK = frozenset({"127.0.0.1", "::1"})


def own_environment(address: str, ports: Sequence[int]) -> dict[str, str]:
    """Return the variables that a command has in addition to those of its container.

    Args:
        address: The address of its pod.
        ports: Its ports; the first one is ``PORT``.
    """
    machine = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return {**machine, POD_IP: address, **({PORT: str(ports[0])} if ports else {})}


def signalling_program(command: Sequence[str]) -> str:
    """Return the program of a hook or probe that would signal processes by number or name; empty if there is none."""
    found = next(filter(None, (_SIGNALLING.search(text) for text in command)), None)
    return "" if found is None else found[1]


def shared_listeners(pid: int, address: str) -> tuple[list[str], list[str]]:
    """Return the listeners of a command that all pods share, as ``address:port``.

    Args:
        pid: Its main process.
        address: The address of its pod.

    Returns:
        Those that would answer for other pods, and those at the loopback address.
    """
    found = foreign_listeners(pid, address)
    local = [f"{host}:{port}" for host, port in found if host in _LOOPBACK]
    return [f"{host}:{port}" for host, port in found if host not in _LOOPBACK], local
