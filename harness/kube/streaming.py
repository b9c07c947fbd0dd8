"""Endless answers of an API server (watches and logs), which can be stopped at once.

A read on a quiet stream blocks until something happens. A second thread calls ``stop`` four times a second. When
``stop`` returns True, the thread shuts down the receiving side of the socket. A read timeout would break the stream,
and waiting for the next line would delay the end of the trial.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.kube.errors import KubeError, error_for
from harness.kube.wire import transport_errors

CONNECT_SECONDS = 5.0
STOP_INTERVAL = 0.25

Query = Sequence[tuple[str, str]]


def open_stream(client: Any, path: str, query: Query, action: str, silence: float) -> Any:
    """Open a stream.

    Args:
        client: A ``kubernetes.client.ApiClient``.
        path: URL path.
        query: Its parameters.
        action: For error messages.
        silence: Read timeout in seconds.

    Returns:
        The HTTP library's response, which the caller must close.

    Raises:
        KubeError: The server refused the request.
    """
    with transport_errors(action):
        request = client.param_serialize(
            "GET",
            path,
            query_params=list(query),
            header_params={"Accept": "application/json, */*"},
            auth_settings=["BearerToken"],
        )
        answer = client.call_api(*request, _request_timeout=(CONNECT_SECONDS, silence))
        if answer.status >= 400:
            text = answer.read().decode(errors="replace")
            raise _refused(action, answer.status, text)
    return answer.response


def _refused(action: str, status: int, text: str) -> KubeError:
    try:
        answer = json.loads(text)
        return error_for(action, status, str(answer.get("reason", "")), str(answer.get("message", "")))
    except (ValueError, AttributeError):
        return error_for(action, status, "", text[:200])


def chunks(response: Any, action: str) -> Iterator[bytes]:
    """Yield the parts of an answer as they arrive."""
    with transport_errors(action):
        yield from response.stream(amt=None, decode_content=True)


@contextlib.contextmanager
def shut_down_when(stop: Callable[[], bool], response: Any, name: str) -> Iterator[None]:
    """End the stream as soon as ``stop()`` returns True. Its reader then gets the end of the stream, or an error."""
    finished = threading.Event()

    def look() -> None:
        while not finished.wait(STOP_INTERVAL):
            if stop():
                with contextlib.suppress(OSError, ValueError, RuntimeError):  # the stream has just ended by itself
                    response.shutdown()
                return

    thread = threading.Thread(target=look, name=f"stop: {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
