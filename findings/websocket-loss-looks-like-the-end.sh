#!/usr/bin/env bash
# WebSocket clients for Python: a question that is never answered looks like the normal end of the stream.
#
# Expected: only close code 1000 ends a loop over messages quietly; a reset, or 1011 (the server failed), raises an error.
# Happens: aiohttp's `async for` raises nothing, not for 1011, a reset, or a close in the middle of a message; only
#   `close_code` and `exception()`, which the loop does not show, tell it from 1000. websocket-client's recv() returns ""
#   for each close frame, as for an empty message. websockets raises, except for 1001 (the server goes away).
# Versions: aiohttp 3.14.5, websocket-client 1.9.2, websockets 17.4, seen 2026-11-30.
# Matters: a load test that counts exceptions passes a rolling update that cuts every WebSocket.
# Source: https://docs.aiohttp.org/en/stable/client_reference.html#clientwebsocketresponse,
#   https://github.com/websocket-client/websocket-client/issues/310,
#   https://websockets.readthedocs.io/en/stable/reference/asyncio/client.html (on asynchronous iteration)
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips aiohttp==3.14.5 websocket-client==1.9.2 websockets==17.4
expected "the first of two questions is answered: the client raises an error, unless the server closed with 1000"
"$tmp/venv/bin/python" - <<'PY'
import asyncio, base64, hashlib, socket, struct, threading
import aiohttp, websocket, websockets
from seen import seen

FIRST, HALF, EMPTY = b"\x81\x05first", b"\x81\x06sec", b"\x81\x00"


def serve(end):
    """Answer the first question, read the second, and end as told; return the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk():
        connection = listener.accept()[0]
        stream = connection.makefile("rb")
        lines = iter(stream.readline, b"\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        digest = hashlib.sha1(headers[b"sec-websocket-key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = b"Sec-WebSocket-Accept: " + base64.b64encode(digest)
        head = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade", accept, b"", b""]
        connection.sendall(b"\r\n".join(head))
        stream.read(2 + 4 + 2)
        connection.sendall(FIRST)
        stream.read(2 + 4 + 2)
        if isinstance(end, int):
            connection.sendall(b"\x88\x02" + struct.pack(">H", end))
            stream.read(2 + 4 + 2)
        elif end == "empty message":
            connection.sendall(EMPTY)
            stream.read(1)
        elif end == "closed in a message":
            connection.sendall(HALF)
        else:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
        connection.close()

    threading.Thread(target=talk, daemon=True).start()
    return listener.getsockname()[1]


async def ask_aiohttp(end):
    answers = []
    async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{serve(end)}") as ws:
        await ws.send_str("q1")
        try:
            async for message in ws:
                answers.append(message.data)
                await ws.send_str("q2")
        except Exception as error:
            return answers, type(error).__name__, ws.close_code
        return answers, "no error", ws.close_code


async def ask_websockets(end):
    answers = []
    async with websockets.connect(f"ws://127.0.0.1:{serve(end)}", proxy=None) as ws:
        await ws.send("q1")
        try:
            async for message in ws:
                answers.append(message)
                await ws.send("q2")
        except Exception as error:
            return answers, type(error).__name__
        return answers, "no error"


def ask_websocket_client(end):
    ws = websocket.create_connection(f"ws://127.0.0.1:{serve(end)}", http_no_proxy=["127.0.0.1"])
    ws.send("q1")
    first = ws.recv()
    ws.send("q2")
    try:
        return first, ws.recv()
    except Exception as error:
        return first, type(error).__name__
    finally:
        ws.shutdown()


for end, code in ((1000, 1000), (1001, 1001), (1011, 1011), ("reset", 1006), ("closed in a message", 1006)):
    answers, error, close_code = asyncio.run(ask_aiohttp(end))
    text = f"aiohttp, {end}: 1 of 2 questions answered, {error}; close_code {int(close_code or 0)}"
    seen((answers, error, close_code) == (["first"], "no error", code), text)
for end in (1000, 1001, 1011):
    answers = ask_websocket_client(end)
    seen(answers == ("first", ""), f"websocket-client, {end}: recv() returns {answers[1]!r}")
answers = ask_websocket_client("empty message")
seen(answers == ("first", ""), f"websocket-client, an empty message: recv() returns {answers[1]!r}")
answers = ask_websocket_client("reset")
seen(answers == ("first", "ConnectionResetError"), f"websocket-client, reset: {answers[1]}")
for end in (1000, 1001):
    answers, error = asyncio.run(ask_websockets(end))
    seen((answers, error) == (["first"], "no error"), f"websockets, {end}: 1 of 2 questions answered, {error}")
for end in (1011, "reset", "closed in a message"):
    answers, error = asyncio.run(ask_websockets(end))
    seen((answers, error) == (["first"], "ConnectionClosedError"), f"websockets, {end}: {error}")
PY
