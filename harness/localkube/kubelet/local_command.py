"""Support local commands in the kubelet: set their variables, and find listeners that other pods would share."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Sequence

from harness.localkube.commands import POD_IP, PORT
from harness.localkube.kubelet.listeners import Listener, all_listeners, owned
from harness.localkube.kubelet.reusable import make_reusable

#: Programs that signal processes by number or name. A local command is among all processes of the machine, so these
#: programs could signal processes that are not its own.
_SIGNALLING = re.compile(r"(?:^|[\s;&|/(])(kill|pkill|killall)(?:$|[\s;&|)])")
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
#: Seconds for which a reading of the machine's listeners serves other commands too.
_RECENT_SECONDS = 0.1


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


class RecentListeners:
    """The listeners of the machine, in a reading that all commands of a node share, since one takes milliseconds.

    Args:
        now: Returns the time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._read_at = float("-inf")
        self._found: tuple[Listener, ...] = ()

    def get(self) -> Collection[Listener]:
        """Return the listeners of at most 0.1 s ago."""
        now = self._now()
        if now - self._read_at > _RECENT_SECONDS:
            self._read_at, self._found = now, tuple(all_listeners())
        return self._found


class ListenerWatch:
    """Finds the listeners of a local command that all pods share, and lets the kubelet take over those of its pod.

    A listener that was seen twice and is not the command's is not looked at again.

    Args:
        pid: The command's main process.
        address: The address of its pod.
    """

    def __init__(self, pid: int, address: str) -> None:
        self._pid = pid
        self._address = address
        self._once: frozenset[Listener] = frozenset()
        self._twice: frozenset[Listener] = frozenset()
        self._reusable: frozenset[Listener] = frozenset()

    def look(self, listeners: Collection[Listener] | None = None) -> tuple[list[str], list[str]]:
        """Return the listeners as ``address:port``: those that would answer for other pods, and those at loopback.

        Args:
            listeners: The listeners of the machine; None to read them now.
        """
        known = tuple(all_listeners()) if listeners is None else listeners
        here = frozenset(each for each in known if each.address == self._address)
        if here - self._reusable:
            make_reusable(self._pid)
        self._reusable = here
        foreign = frozenset(each for each in known if each.address != self._address)
        new = foreign - self._twice
        own = owned(self._pid, new)
        self._twice = foreign & (self._twice | (self._once & new) - own)
        self._once = new - own
        texts = sorted((each.address in _LOOPBACK, f"{each.address}:{each.port}") for each in own)
        return [text for local, text in texts if not local], [text for local, text in texts if local]
