"""Send HTTP requests on one connection without any retry, and say how each answer ended."""

import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """The final answer: status 0 when none began; ended is "whole", "closed", "reset" or "silent"."""

    status: int
    head: bytes
    body: bytes
    ended: str

    def __str__(self) -> str:
        """Return the status and the end, as in "200 whole"."""
        return f"{self.status or 'no status'}, {self.ended}"


class Raw:
    """One connection to a port on loopback."""

    def __init__(self, port: int, timeout: float = 5) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._rest = b""

    def send(self, method: str = "GET", path: str = "/", body: bytes = b"") -> None:
        """Send one request whole."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{length}\r\n".encode() + body)

    def answer(self, timeout: float | None = None) -> Answer:
        """Read the next answer, without those of 1xx."""
        if timeout is not None:
            self._socket.settimeout(timeout)
        received, ended = self._rest, "whole"
        while (end := end_of_answer(received)) is None:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                ended = "silent"
                break
            except OSError:
                ended = "reset"
                break
            if not data:
                ended = "closed"
                break
            received += data
        whole, self._rest = (received, b"") if end is None else (received[:end], received[end:])
        head, _, body = without_informational(whole).partition(b"\r\n\r\n")
        return Answer(int(head.split()[1]) if head.count(b" ") else 0, head, body, ended)

    def ask(self, method: str = "GET", path: str = "/", body: bytes = b"") -> Answer:
        """Send one request and read its answer."""
        try:
            self.send(method, path, body)
        except OSError:
            return Answer(0, b"", b"", "reset")
        return self.answer()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def without_informational(data: bytes) -> bytes:
    """Drop the 1xx answers at the front."""
    while data.startswith(b"HTTP/1.1 1") and b"\r\n\r\n" in data:
        data = data.partition(b"\r\n\r\n")[2]
    return data


def end_of_answer(data: bytes) -> int | None:
    """Return the length of the first whole answer, None while it is not whole."""
    final = without_informational(data)
    head, blank, body = final.partition(b"\r\n\r\n")
    if not blank:
        return None
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    headers = {name.lower(): value.strip() for name, _, value in lines}
    before_body = len(data) - len(body)
    if b"content-length" in headers:
        length = int(headers[b"content-length"])
        return before_body + length if len(body) >= length else None
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        last = body.find(b"0\r\n\r\n")
        return None if last < 0 else before_body + last + 5
    return None
