"""One watch: a stream of JSON lines that ends at once when it is told to.

A read on a quiet stream blocks for as long as nothing happens. A second thread asks ``stop`` ten times a second and
shuts the receiving side of the socket down when it says so: a read timeout would break the stream for good, and
waiting for the next event would hold the trial's end up.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from harness.kube.api import Object, WatchEvent
from harness.kube.errors import KubeError, WatchExpiredError, WatchInterruptedError, error_for
from harness.kube.wire import transport_errors

#: The server is asked to end a watch after this long; it is then resumed where it was. Makes a dead server show.
WATCH_SECONDS = 240
#: Longest silence: a server in good order has ended the watch before.
SILENCE_SECONDS = WATCH_SECONDS + 20.0
CONNECT_SECONDS = 5.0
STOP_INTERVAL = 0.1


def follow(client: Any, path: str, action: str, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
    """Yield the events of a collection after version ``since`` until ``stop()`` or the server's orderly end.

    Args:
        client: A ``kubernetes.client.ApiClient``.
        path: URL path of the collection.
        action: For error messages.
        since: The resourceVersion to begin after.
        stop: Asked often, from another thread.

    Raises:
        WatchExpiredError: ``since`` is too old.
        WatchInterruptedError: The stream broke.
        KubeError: The server refused the watch.
    """
    if stop():
        return
    try:
        response = _open(client, path, action, since)
        with contextlib.closing(response), _shut_down_when(stop, response, action):
            for line in _lines(response, action):
                event = _event(line, action)
                if stop():
                    return
                yield event
    except (KubeError, WatchInterruptedError) as error:
        if stop():
            return
        if getattr(error, "status", None) == 410:
            raise WatchExpiredError(f"Could not {action}: its history since {since} is gone.") from error
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
    with transport_errors(action):
        request = client.param_serialize(
            "GET", path, query_params=query, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
        )
        answer = client.call_api(*request, _request_timeout=(CONNECT_SECONDS, SILENCE_SECONDS))
        if answer.status >= 400:
            text = answer.read().decode(errors="replace")
            raise _refused(action, answer.status, text)
    return answer.response


def _refused(action: str, status: int, text: str) -> KubeError:
    try:
        told = json.loads(text)
        return error_for(action, status, str(told.get("reason", "")), str(told.get("message", "")))
    except (ValueError, AttributeError):
        return error_for(action, status, "", text[:200])


def _lines(response: Any, action: str) -> Iterator[bytes]:
    """Whole lines; a rest without its line end means that the stream was cut."""
    rest = b""
    with transport_errors(action):
        for chunk in response.stream(amt=None, decode_content=True):
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


@contextlib.contextmanager
def _shut_down_when(stop: Callable[[], bool], response: Any, name: str) -> Iterator[None]:
    finished = threading.Event()

    def look() -> None:
        while not finished.wait(STOP_INTERVAL):
            if stop():
                with contextlib.suppress(OSError, ValueError, RuntimeError):  # it has just ended by itself
                    response.shutdown()
                return

    thread = threading.Thread(target=look, name=f"stop: {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
