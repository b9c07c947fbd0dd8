#!/usr/bin/env bash
# Tornado: the shutdown that its documentation describes cuts each request in flight.
#
# Expected: `stop()`, then `await close_all_connections()`, "to wait for existing connections to finish", as documented,
#   waits until the requests in flight are answered, as aiohttp's `runner.cleanup()` does.
# Happens: close_all_connections() closes each connection at once and returns. The handler runs to its end, without an
#   error or a line in the log, and its answer goes nowhere.
#   With stop() alone, a kept connection is served on and on, and its answers promise to keep it.
# Versions: Tornado 6.6.1, aiohttp 3.14.5, seen 2026-11-30.
# Matters: each rolling update loses what is in flight, and what was asked for is done all the same.
# Source: https://www.tornadoweb.org/en/stable/httpserver.html#tornado.httpserver.HTTPServer.close_all_connections
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips tornado==6.6.1 aiohttp==3.14.5
expected "a request in flight when the server shuts down is answered"
"$tmp/venv/bin/python" - <<'PY'
import asyncio, logging
import aiohttp.web
import tornado.httpserver, tornado.netutil, tornado.web
from raw import Raw
from seen import seen

BODY = "0123456789"
log = []
capture = logging.Handler()
capture.emit = log.append
logging.getLogger().addHandler(capture)


class Handling:
    """The events of one server: a request has begun, it may end, it has ended."""

    def __init__(self):
        self.begun, self.released, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(self):
        self.begun.set()
        await self.released.wait()
        self.ended.set()


def tornado_server(handling):
    class Slow(tornado.web.RequestHandler):
        async def get(self):
            await handling.handle()
            self.write(BODY)

    class Fast(tornado.web.RequestHandler):
        def get(self):
            self.write(BODY)

    server = tornado.httpserver.HTTPServer(tornado.web.Application([("/slow", Slow), ("/", Fast)], log_function=lambda _: None))
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    return server, sockets[0].getsockname()[1]


async def shut_tornado_down():
    handling = Handling()
    server, port = tornado_server(handling)
    kept = Raw(port, timeout=30)
    first = await asyncio.to_thread(kept.ask)
    slow = Raw(port, timeout=30)
    slow.send(path="/slow")
    await handling.begun.wait()
    server.stop()
    second = await asyncio.to_thread(kept.ask)
    await server.close_all_connections()
    early = not handling.ended.is_set()
    cut = await asyncio.to_thread(slow.answer)
    handling.released.set()
    await handling.ended.wait()
    await asyncio.sleep(0.5)
    return first, second, early, cut


async def shut_aiohttp_down():
    handling = Handling()

    async def slow(_):
        await handling.handle()
        return aiohttp.web.Response(text=BODY)

    app = aiohttp.web.Application()
    app.router.add_get("/slow", slow)
    runner = aiohttp.web.AppRunner(app, access_log=None)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    client = Raw(runner.addresses[0][1], timeout=30)
    client.send(path="/slow")
    await handling.begun.wait()
    cleanup = asyncio.create_task(runner.cleanup())
    await asyncio.sleep(1)
    early = cleanup.done()
    handling.released.set()
    answer = await asyncio.to_thread(client.answer)
    await cleanup
    return early, answer


first, second, early, cut = asyncio.run(shut_tornado_down())
seen((first.status, first.ended) == (200, "whole"), f"Tornado, before: {first}")
kept = b"connection: close" not in second.head.lower()
seen(kept and second.ended == "whole", f"Tornado, after stop(), on a kept connection: {second}, no Connection: close")
seen(early, "Tornado: close_all_connections() returns while the handler is at work")
seen((cut.status, cut.ended) == (0, "closed"), f"Tornado: the request in flight gets {cut}")
seen(not log, "Tornado: the handler runs to its end; nothing is logged")
early, answer = asyncio.run(shut_aiohttp_down())
seen((early, answer.status, answer.ended) == (False, 200, "whole"), f"aiohttp: cleanup() waits, the request in flight gets {answer}")
PY
