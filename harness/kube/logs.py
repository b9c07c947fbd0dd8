"""Reads the log of one container line by line while it is written, with the timestamp of each line."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.kube.errors import KubeError
from harness.kube.streaming import chunks, open_stream, shut_down_when

#: Read timeout in seconds while following a log: a container may log nothing for its whole life.
SILENCE_SECONDS = 24 * 3600.0
#: Read timeout in seconds for the existing part of a log, which arrives at once.
ANSWER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log.

    Attributes:
        stamp: Time at which the node's container runtime read it, in RFC 3339 with nanoseconds; empty if unknown.
        text: The line without its newline.
        received_ns: CLOCK_MONOTONIC at which it was received.
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
        stop: Called often, from another thread.
        since: RFC 3339 time to start from; empty for the beginning. The server may start up to a second earlier.
        stamps: True to get a timestamp with each line.
        follow: True to wait for new lines; False to stop at the current end.

    Raises:
        KubeError: The server refused the request, or the stream broke.
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
    """Yield each line and its time of arrival. The last line may be incomplete, because a container can be killed."""
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
