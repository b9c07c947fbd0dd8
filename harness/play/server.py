"""Serves the page: on loopback only, to those who know its address, and without any way to change something.

The address contains a random token, and the ``Host`` header must be that of loopback, so that neither another user's
program nor a web page in the participant's browser reads the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from aiohttp import web

from harness.errors import HarnessError, InvalidInputError, Problem
from harness.play.page import render_page

#: The sections of a view, by name.
View = Mapping[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOST = "127.0.0.1"
#: Views that wait for a slow reader; it then gets the latest view as a whole.
_WAITING = 16
#: Seconds between two comments on a stream without news, so that a reader notices a server that is gone.
_KEEP_ALIVE = 10.0
#: Seconds for the server to start and to end.
_SECONDS = 10.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class PageServer:
    """A server in a thread of its own (context manager).

    Args:
        port: Port on 127.0.0.1; 0 for any free one.

    Attributes:
        url: Address of the page, with its token.
    """

    def __init__(self, port: int = 0) -> None:
        self.url = ""
        self._port = port
        self._token = secrets.token_urlsafe(18)
        self._view: View = {}
        self._texts: dict[str, str] = {}
        self._readers: set[asyncio.Queue[str]] = set()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._is_up = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    def __enter__(self) -> Self:
        """Start.

        Raises:
            InvalidInputError: The port is in use.
            HarnessError: The server did not start.
        """
        self._thread.start()
        if not self._is_up.wait(_SECONDS):
            raise HarnessError("The page's server did not start.")
        if self._failure is not None:
            self._thread.join(_SECONDS)
            reason = self._failure.strerror or str(self._failure)
            raise InvalidInputError([Problem(f"the page can't listen on port {self._port}: {reason}")])
        return self

    def __exit__(self, *_: object) -> None:
        """End all streams and the server."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_SECONDS)

    def publish(self, view: View) -> None:
        """Show a view. Only the sections that have changed are sent. Called from any thread."""
        self._loop.call_soon_threadsafe(self._publish, view)

    def _publish(self, view: View) -> None:
        self._view = view
        if not self._readers:
            self._texts.clear()
            return
        texts = {name: _json(section) for name, section in view.items()}
        changed = [name for name, text in texts.items() if self._texts.get(name) != text]
        self._texts = texts
        if not changed:
            return
        message = _event("sections", "{" + ",".join(f"{_json(name)}:{texts[name]}" for name in changed) + "}")
        for queue in self._readers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(_event("sections", _json(view)))
            else:
                queue.put_nowait(message)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._is_up.set()
            self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._guard])
        base = f"/{self._token}"
        app.router.add_get(f"{base}/", self._page)
        app.router.add_get(f"{base}/events", self._events)
        app.router.add_get(f"{base}/session.html", self._export)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, _HOST, self._port)
            await site.start()
            self._port = int(runner.addresses[0][1])
            self.url = f"http://{_HOST}:{self._port}{base}/"
            self._is_up.set()
            await self._ended.wait()
        finally:
            await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse a foreign ``Host``: a web page can make its own name resolve to loopback (DNS rebinding)."""
        if request.headers.get("Host", "") not in {f"{name}:{self._port}" for name in (_HOST, "localhost")}:
            return web.Response(status=403, text="This page is for 127.0.0.1 only.\n", headers=_HEADERS)
        return await handler(request)

    async def _page(self, _request: web.Request) -> web.Response:
        return self._html(None)

    async def _export(self, _request: web.Request) -> web.Response:
        answer = self._html(self._view)
        answer.headers["Content-Disposition"] = 'attachment; filename="session.html"'
        return answer

    def _html(self, view: View | None) -> web.Response:
        nonce = secrets.token_urlsafe(12)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        text = render_page(view, nonce)
        headers = {**_HEADERS, "Content-Security-Policy": policy}
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"})
        await answer.prepare(request)
        queue: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        queue.put_nowait(_event("sections", _json(self._view)))
        self._readers.add(queue)
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            with contextlib.suppress(ConnectionError):
                await self._stream(answer, queue, ended)
        finally:
            ended.cancel()
            self._readers.discard(queue)
        return answer

    async def _stream(self, answer: web.StreamResponse, queue: asyncio.Queue[str], ended: asyncio.Future[Any]) -> None:
        while not ended.done():
            news = asyncio.ensure_future(queue.get())
            done, _ = await asyncio.wait({news, ended}, timeout=_KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
            if news in done:
                await answer.write(news.result().encode())
                continue
            news.cancel()
            await answer.write(_event("ended", "{}").encode() if ended.done() else b": still here\n\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
