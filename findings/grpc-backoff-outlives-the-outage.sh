#!/usr/bin/env bash
# gRPC for Python: calls fail without a connection attempt, long after the server is back, in new channels too.
#
# Expected: a call on a channel whose connection is lost connects again; it fails only while the server is away. A new
#   channel starts afresh.
# Happens: after a failed attempt each call gets UNAVAILABLE at once, without an attempt, until the channel's back-off ends:
#   1 s, then 1.6 times as long each time, up to 2 min. A server that was away for 9 s is away for 16 s to this client. A second
#   channel to the same address fails too: channels of one process share the connection and its back-off.
#   `wait_for_ready=True` makes the call wait; `grpc.use_local_subchannel_pool` makes a channel independent.
# Versions: grpcio 1.85.3, seen 2026-11-29.
# Matters: the losses of a restart as a gRPC client sees them last up to twice as long as the restart, and a check that
#   opens "a fresh channel" in the same process shows nothing else.
# Source: https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips grpcio==1.85.3
expected "the server is away for five connection attempts; back again, it is called"
"$tmp/venv/bin/python" - <<'PY'
import socket, threading, time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import grpc
from seen import seen


class Handler(grpc.GenericRpcHandler):
    def service(self, _details):
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"0123456789")


class Door:
    """A port in front of the server: open, it passes connections on; shut, it closes them. It counts them."""

    def __init__(self, behind: int) -> None:
        self.open, self.taken, self._behind, self._ends = True, 0, behind, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    def shut(self) -> None:
        self.open = False
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _take(self) -> None:
        while True:
            client, _ = self._listener.accept()
            self.taken += 1
            if self.open:
                server = socket.create_connection(("127.0.0.1", self._behind))
                self._ends += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()
            else:
                client.close()

    def _copy(self, source, target) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def call(channel, **options) -> str:
    try:
        return channel.unary_unary("/shop/order")(b"", timeout=60, **options).decode()
    except grpc.RpcError as error:
        return error.code().name


def channel(*options):
    return grpc.insecure_channel(f"127.0.0.1:{door.port}", options=list(options))


server = grpc.server(ThreadPoolExecutor(4), handlers=[Handler()])
door = Door(server.add_insecure_port("127.0.0.1:0"))
server.start()
used = channel()
seen(call(used) == "0123456789", "before: a call is answered")
away, door.taken = time.monotonic(), 0
door.shut()
while door.taken < 5:
    call(used)
    time.sleep(0.05)
away, back = time.monotonic() - away, time.monotonic()
door.open = True
taken, first = door.taken, call(used)
second, other = call(channel()), call(channel(("grpc.use_local_subchannel_pool", 1)))
seen(first == "UNAVAILABLE", f"back after {away:.0f} s: the next call gets {first}")
seen(second == "UNAVAILABLE", f"a second channel of this process: {second}")
seen(other == "0123456789", "a channel with its own connections: answered")
seen(door.taken == taken + 1, "connections that the server has got since: one, of the channel with its own")
failed = 0
while call(used) == "UNAVAILABLE":
    failed += 1
    time.sleep(0.05)
longer = time.monotonic() - back
seen(longer > 3 and failed > 9, f"{failed} more calls failed, for {longer:.0f} s")
door.shut()
while door.taken < taken + 5:
    call(used)
    time.sleep(0.05)
door.open = True
seen(call(used, wait_for_ready=True) == "0123456789", "again, with wait_for_ready: the call waits, and is answered")
PY
