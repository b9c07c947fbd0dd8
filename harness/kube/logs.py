"""The log of one container, line by line while it is written, each with the time at which the node took it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.kube.errors import KubeError
from harness.kube.streaming import chunks, open_stream, shut_down_when

#: A container may say nothing for as long as it lives.
SILENCE_SECONDS = 24 * 3600.0
#: What is there already comes at once.
ANSWER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes:
        stamp: When the node's container runtime took it, RFC 3339 with nanoseconds; empty if the server gave none.
        text: The line, without its end.
        received_ns: CLOCK_MONOTONIC when it had arrived here.
    """

    stamp: str
    text: str
    received_ns: int


def follow_log(
    client: Any,
    path: str,
    action: str,
    *,
    container: str,
    stop: Callable[[], bool],
    since: str = "",
    stamps: bool = True,
    follow: bool = True,
) -> Iterator[LogLine]:
    """Yield the lines of a container's log until the container ends or ``stop()``.

    Args:
        client: A ``kubernetes.client.ApiClient``.
        path: URL path of the pod's log.
        action: For error messages.
        container: The container.
        stop: Asked often, from another thread.
        since: RFC 3339 time to begin at; empty for the beginning. The server may begin up to a second earlier.
        stamps: Whether the server is to say when it took each line.
        follow: Whether to go on after what is there now.

    Raises:
        KubeError: The server refused it, or the stream broke.
    """
    if stop():
        return
    query = [("container", container), ("follow", str(follow).lower())]
    query += [("timestamps", "true")] if stamps else []
    query += [("sinceTime", since)] if since else []
    try:
        response = open_stream(client, path, query, action, SILENCE_SECONDS if follow else ANSWER_SECONDS)
        with contextlib.closing(response), shut_down_when(stop, response, action):
            for line in _raw_lines(response, action):
                yield _stamped(*line) if stamps else LogLine("", *line)
    except KubeError:
        if not stop():
            raise


def _raw_lines(response: Any, action: str) -> Iterator[tuple[str, int]]:
    """All lines and when they had arrived; a last one without its end too: a container may die in the middle of one."""
    rest = b""
    for chunk in chunks(response, action):
        *whole, rest = (rest + chunk).split(b"\n")
        received = time.monotonic_ns()
        yield from ((line.decode(errors="replace"), received) for line in whole)
    if rest:
        yield rest.decode(errors="replace"), time.monotonic_ns()


def _stamped(line: str, received: int) -> LogLine:
    stamp, _, text = line.partition(" ")
    return LogLine(stamp, text, received)
