"""The process of the faulty server: it behaves as requested, and counts the requests.

``python -m harness.traffic.calibration.faulty_server DIRECTORY`` serves until SIGTERM.
``harness.traffic.calibration.server`` starts it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import signal
import socket
import ssl
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
import gevent.event
import gevent.ssl
from gevent.server import StreamServer

from harness.kit.files import write_text
from harness.traffic.calibration.faults import FAULTS, HANDSHAKES, Ending, Fault
from harness.traffic.calibration.server import CERTIFICATE, SERVED, WHERE

_ADDRESS = "127.0.0.1"
#: Connections that fill a backlog of length 0: the kernel accepts one, the others keep trying.
_FILLERS = 4
_RESET = struct.pack("ii", 1, 0)
#: Seconds in which a connection that the client has opened must be accepted, and how often that is checked.
_ACCEPT_SECONDS, _POLL = 10.0, 0.002


class EndUnusedError(Exception):
    """Interrupts a handler that waits for the first request, so that it ends the connection.

    Attributes:
        ending: The way to end it.
    """

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class Behaviour:
    """The behaviour of the server on its connections.

    Attributes:
        served: Requests by token and fault; ``duplicates`` counts requests with an id that an earlier request had.
        facts: Ports: of refused connections, of a full backlog, of TLS, and of broken handshakes.
    """

    def __init__(self, facts: dict[str, int]) -> None:
        self.served: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.facts = facts
        self._seen: set[str] = set()
        #: Handlers of connections that have brought no request yet, by the server's and the client's port.
        self._unused: dict[tuple[int, int], Any] = {}

    def handle(self, connection: Any, address: Any) -> None:
        """Serve one connection to its end."""
        ports = (connection.getsockname()[1], address[1])
        self._unused[ports] = gevent.getcurrent()
        # Send at once, since an RST would discard data that still waits.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = b""
        try:
            while True:
                head, buffer = _read_request(connection, buffer)
                self._unused.pop(ports, None)
                if not head or not self._serve(connection, head):
                    return
        except EndUnusedError as order:
            _end(connection, order.ending)
        except OSError:
            return
        finally:
            self._unused.pop(ports, None)
            connection.close()

    def handle_tls(self, connection: Any, address: Any) -> None:
        """Serve one TLS connection."""
        try:
            secure = _server_context().wrap_socket(connection, server_side=True)
        except OSError:
            # The client rejected the certificate, or disconnected.
            connection.close()
            return
        self.handle(secure, address)

    def handle_handshake(self, connection: Any, _address: Any) -> None:
        """Break the handshake in the way that the server name requests."""
        try:
            hello = connection.recv(65536)
            fault = next((fault for name, fault in HANDSHAKES.items() if _is_name_in(hello, name)), None)
            if fault is not None:
                _act(connection, fault)
        except OSError:
            return
        finally:
            connection.close()

    def _serve(self, connection: Any, head: str) -> bool:
        """Answer a request; return True if the connection stays open."""
        path = head.split(" ", 2)[1]
        if path.startswith("/-/"):
            body = json.dumps(self._own(path)).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return True
        fault = FAULTS.get(path.removeprefix("/fault/"))
        if fault is None:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        self._count(fault, _field(head, "x-request-id"))
        gevent.sleep(fault.delay)
        return _act(connection, fault)

    def _own(self, path: str) -> Mapping[str, int]:
        """Answer a request about the server itself, or end an unused connection for it."""
        match path.split("/")[2:]:
            case ["served", token]:
                return self.served[token]
            case ["end", own, peer, name]:
                return {"ended": self._end_unused((int(own), int(peer)), Ending[name])}
            case _:
                return self.facts

    def _end_unused(self, ports: tuple[int, int], ending: Ending) -> int:
        """End an unused connection, which the server may have yet to accept; return 1 if there was one."""
        with gevent.Timeout(_ACCEPT_SECONDS, exception=False):
            while ports not in self._unused:
                gevent.sleep(_POLL)
        handler = self._unused.pop(ports, None)
        if handler is None:
            return 0
        handler.kill(EndUnusedError(ending))
        return 1

    def _count(self, fault: Fault, identity: str) -> None:
        token = identity.rsplit("-", 1)[0]
        self.served[token][fault.name] += 1
        self.served[token]["duplicates"] += identity in self._seen
        self._seen.add(identity)


def _read_request(connection: Any, buffer: bytes) -> tuple[str, bytes]:
    """Read a request; return its head and the data that follows it. The head is empty at the end of the connection."""
    while b"\r\n\r\n" not in buffer:
        data = connection.recv(65536)
        if not data:
            return "", b""
        buffer += data
    head, _, rest = buffer.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    length = int(_field(text, "content-length") or 0)
    while len(rest) < length:
        data = connection.recv(65536)
        if not data:
            return "", b""
        rest += data
    return text, rest[length:]


def _field(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


def _act(connection: Any, fault: Fault) -> bool:
    if fault.byte_by_byte:
        for byte in fault.answer:
            connection.sendall(bytes([byte]))
            gevent.sleep(0)
    elif fault.answer:
        connection.sendall(fault.answer)
    if fault.ending is Ending.HANG:
        connection.recv(1)
    _end(connection, fault.ending)
    return fault.ending is Ending.KEEP


def _end(connection: Any, ending: Ending) -> None:
    """Prepare how a connection ends when it is closed."""
    if ending is Ending.FIN and isinstance(connection, gevent.ssl.SSLSocket):
        _close_notify(connection)
    if ending is Ending.RST:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _close_notify(connection: Any) -> None:
    """Send ``close_notify`` without waiting for the peer's."""
    connection.settimeout(0)
    with contextlib.suppress(OSError):
        connection.unwrap()


def _is_name_in(hello: bytes, name: str) -> bool:
    """Return True if a ClientHello requests this server name; its length precedes it."""
    return len(name).to_bytes(2, "big") + name.encode() in hello


@functools.cache
def _server_context() -> Any:
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def _closed_port() -> socket.socket:
    """Bind a port without listening, so that connections are refused."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.bind((_ADDRESS, 0))
    return holder


def _full_port() -> list[socket.socket]:
    """Make a listener with a full backlog, so that connections to it never complete; it comes first in the list."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((_ADDRESS, 0))
    listener.listen(0)
    held = [listener]
    for _ in range(_FILLERS):
        filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        filler.setblocking(False)  # noqa: FBT003 - the signature is the standard library's
        filler.connect_ex(listener.getsockname())
        held.append(filler)
    return held


def main(directory: Path) -> None:
    """Serve until SIGTERM."""
    closed, full = _closed_port(), _full_port()
    facts = {"refused_port": closed.getsockname()[1], "full_port": full[0].getsockname()[1]}
    behaviour = Behaviour(facts)
    server = StreamServer((_ADDRESS, 0), behaviour.handle, backlog=1024)
    secure = StreamServer((_ADDRESS, 0), behaviour.handle_tls, backlog=1024)
    broken = StreamServer((_ADDRESS, 0), behaviour.handle_handshake, backlog=1024)
    for listener in (server, secure, broken):
        listener.start()
    facts |= {"tls_port": secure.server_port, "handshake_port": broken.server_port}
    ended = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    write_text(directory / WHERE, json.dumps({"address": _ADDRESS, "port": server.server_port, **facts}))
    ended.wait()
    for listener in (server, secure, broken):
        listener.stop()
    served = {token: dict(sorted(counts.items())) for token, counts in sorted(behaviour.served.items())}
    write_text(directory / SERVED, json.dumps(served, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
