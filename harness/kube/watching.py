"""Reads a watch: a stream of JSON lines that can be stopped at once."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from harness.kube.api import Object, WatchEvent
from harness.kube.errors import KubeError, WatchExpiredError, WatchInterruptedError, error_for
from harness.kube.streaming import chunks, open_stream, shut_down_when

#: Seconds after which the server ends a watch, which is then resumed. A server that does not end it counts as dead.
WATCH_SECONDS = 240
#: Read timeout in seconds: a healthy server ends the watch earlier.
SILENCE_SECONDS = WATCH_SECONDS + 20.0


def follow(client: Any, path: str, action: str, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
    """Yield the events of a collection after version ``since``, until ``stop()`` or until the server ends the watch.

    Args:
        client: A ``kubernetes.client.ApiClient``.
        path: URL path of the collection.
        action: For error messages.
        since: The resourceVersion to start after.
        stop: Called often, from another thread.

    Raises:
        WatchExpiredError: ``since`` is too old.
        WatchInterruptedError: The stream broke.
        KubeError: The server refused the watch.
    """
    if stop():
        return
    try:
        response = _open(client, path, action, since)
        with contextlib.closing(response), shut_down_when(stop, response, action):
            for line in _lines(response, action):
                event = _event(line, action)
                if stop():
                    return
                yield event
    except (KubeError, WatchInterruptedError) as error:
        if stop():
            return
        if getattr(error, "status", None) == 410:
            raise WatchExpiredError(
                f"Could not {action}: the server no longer has its history since {since}."
            ) from error
        if isinstance(error, KubeError) and error.status == 0:
            raise WatchInterruptedError(error.message) from error
        raise


def _open(client: Any, path: str, action: str, since: str) -> Any:
    query = [
        ("watch", "true"),
        ("resourceVersion", since),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", str(WATCH_SECONDS)),
    ]
    return open_stream(client, path, query, action, SILENCE_SECONDS)


def _lines(response: Any, action: str) -> Iterator[bytes]:
    """Yield whole lines. An incomplete last line means that the stream broke."""
    rest = b""
    for chunk in chunks(response, action):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        raise WatchInterruptedError(f"Could not {action}: the stream ended inside an event.")


def _event(line: bytes, action: str) -> WatchEvent:
    received = time.monotonic_ns()
    try:
        parsed: Object = json.loads(line)
        kind, value = str(parsed["type"]), parsed["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise WatchInterruptedError(f"Could not {action}: not a watch event: {line[:200]!r}") from error
    if kind == "ERROR":
        raise error_for(action, int(value.get("code", 500)), value.get("reason", ""), value.get("message", ""))
    return WatchEvent(kind, value, received)
