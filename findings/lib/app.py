"""Serve the same three paths by ASGI and by WSGI: /sleep/SECONDS, /breaks (raises inside the body), and any other."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

BODY = b"0123456789"
TYPE = [("Content-Type", "text/plain")]
LENGTH = ("Content-Length", "10")


async def asgi(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Answer one request, or the lifespan events."""
    while scope["type"] == "lifespan":
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
    path = scope["path"]
    if path.startswith("/sleep/"):
        await asyncio.sleep(float(path.removeprefix("/sleep/")))
    headers = TYPE if path == "/breaks" else [*TYPE, LENGTH]
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": 200, "headers": raw})
    if path == "/breaks":
        await send({"type": "http.response.body", "body": BODY[:5], "more_body": True})
        await asyncio.sleep(0.2)
        raise RuntimeError("the handler breaks inside the body")
    await send({"type": "http.response.body", "body": BODY})


def wsgi(environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]) -> Iterable[bytes]:
    """Answer one request."""
    path = environ["PATH_INFO"]
    if path.startswith("/sleep/"):
        time.sleep(float(path.removeprefix("/sleep/")))
    start_response("200 OK", TYPE if path == "/breaks" else [*TYPE, LENGTH])
    return breaking_body() if path == "/breaks" else [BODY]


def breaking_body() -> Iterator[bytes]:
    """Yield half the body, then raise."""
    yield BODY[:5]
    time.sleep(0.2)
    raise RuntimeError("the handler breaks inside the body")
