"""What an application is told when its container starts: the arguments, the environment, and its pod's own address."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

#: An environment variable of ours that the http-echo images honour: seconds from process start until the listener
#: opens, as an application that loads something first. The genuine images know nothing of it.
START_DELAY = "START_DELAY"

#: Set by the image of http-echo 0.2.3, as the original has it compiled in: SIGTERM is ignored.
IGNORE_SIGTERM = "HTTP_ECHO_IGNORES_SIGTERM"


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a container.

    Attributes:
        args: Arguments after the program's name.
        env: The container's environment, complete.
        address: The pod's IP address, the only one that the application may listen on.
    """

    args: tuple[str, ...]
    env: Mapping[str, str]
    address: str

    @property
    def start_delay(self) -> float:
        """Seconds before the listener opens; 0 unless ``START_DELAY`` is set."""
        return float(self.env.get(START_DELAY) or 0)

    def resolve(self, listen: str) -> tuple[str, int]:
        """Where to listen for a Go-style ``host:port``; a wildcard host means the pod's address.

        Raises:
            ValueError: The text is no ``host:port``, or its host is not an address of this pod.
        """
        host, colon, port = listen.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError(f"listen {listen}: not host:port")
        if host not in {"", "0.0.0.0", "[::]", self.address}:  # noqa: S104 - never bound: it becomes the pod's own
            raise ValueError(f"listen tcp {listen}: bind: cannot assign requested address")
        return self.address, int(port)


def say(text: str) -> None:
    """Write a line to the container's log at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
