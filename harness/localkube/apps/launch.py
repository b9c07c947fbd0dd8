"""Describe the start of an application: arguments, environment and the pod's address."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

#: Environment variable that our http-echo images read: seconds from process start until the listener opens, like an
#: application that loads data first. The original images ignore it.
START_DELAY = "START_DELAY"

#: Set by the image of http-echo 0.2.3 to ignore SIGTERM, which the original has compiled in.
IGNORE_SIGTERM = "HTTP_ECHO_IGNORES_SIGTERM"


@dataclass(frozen=True, slots=True)
class Launch:
    """The start of a container.

    Attributes:
        args: Arguments after the program's name.
        env: The container's complete environment.
        address: The pod's IP address, the only one on which the application may listen.
        receipts: Path of the file for the application's receipts; empty for standard output.
    """

    args: tuple[str, ...]
    env: Mapping[str, str]
    address: str
    receipts: str = ""

    @property
    def start_delay(self) -> float:
        """Return the seconds before the listener opens; 0 unless ``START_DELAY`` is set."""
        return float(self.env.get(START_DELAY) or 0)

    def resolve(self, listen: str) -> tuple[str, int]:
        """Resolve a Go-style ``host:port`` to address and port; a wildcard host means the pod's address.

        Raises:
            ValueError: The text is not ``host:port``, or its host is not an address of this pod.
        """
        host, colon, port = listen.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError(f"listen {listen}: not host:port")
        if host not in {"", "0.0.0.0", "[::]", self.address}:  # noqa: S104 - never bound: it is replaced by the pod's address
            raise ValueError(f"listen tcp {listen}: bind: cannot assign requested address")
        return self.address, int(port)


def say(text: str) -> None:
    """Write a line to the container's log without buffering."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
