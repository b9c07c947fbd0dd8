"""Speak the part of SPDY/3.1 that `kubectl port-forward` uses, as the side that accepts streams.

kubectl sends its frames in the messages of a WebSocket, in pieces of any size. As in its own library, there is no flow
control: windows are ignored, and what arrives is kept until it is read.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum

_VERSION = 3
_CONTROL = 0x8000
_HEAD = struct.Struct(">IBBH")
_FIN = 0x01
#: Bytes of data in one frame.
_LONGEST_DATA = 32 * 1024

#: Words of HTTP that SPDY's compression knows from the start, each after its length.
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
#: The text that follows these words.
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset="
    "iso-8859-1,utf-,*,enq=0."
)


def _counted(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


DICTIONARY = b"".join(_counted(word.replace("_", " ").encode()) for word in _WORDS.split()) + _TEXT.encode()


class SpdyError(ValueError):
    """A frame that cannot be read."""


class Frame(IntEnum):
    """The types of control frames that are read or written."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    PING = 6
    GOAWAY = 7


class SpdyStream:
    """A stream that the client has opened.

    Args:
        connection: The connection to which it belongs.
        number: Its number.
        headers: The headers with which it was opened; names are lower case.

    Attributes:
        received: The client's data, until the client ends it.
    """

    def __init__(self, connection: SpdyConnection, number: int, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.received = asyncio.StreamReader()
        self._connection = connection
        self._number = number
        self._closed = False

    async def write(self, data: bytes) -> None:
        """Send data to the client."""
        for start in range(0, len(data), _LONGEST_DATA):
            await self._connection.send_data(self._number, data[start : start + _LONGEST_DATA])

    async def close(self) -> None:
        """Tell the client that no more data follows; a second call does nothing."""
        if not self._closed:
            self._closed = True
            await self._connection.send_data(self._number, b"", last=True)


class SpdyConnection:
    """The server's side of a connection.

    Args:
        send: Sends bytes to the client.
        opened: Called with each stream that the client opens.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]], opened: Callable[[SpdyStream], None]) -> None:
        self._send = send
        self._opened = opened
        self._buffer = b""
        self._streams: dict[int, SpdyStream] = {}
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    async def feed(self, data: bytes) -> None:
        """Take bytes from the client and answer the frames that are complete.

        Raises:
            SpdyError: They are not SPDY/3.1.
        """
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            first, flags, high, low = _HEAD.unpack_from(self._buffer)
            length = high << 16 | low
            if len(self._buffer) < _HEAD.size + length:
                return
            body = self._buffer[_HEAD.size : _HEAD.size + length]
            self._buffer = self._buffer[_HEAD.size + length :]
            if first >> 31:
                await self._control(first, flags, body)
            else:
                self._data(first, body, last=bool(flags & _FIN))

    def end(self) -> None:
        """End all streams, because the client is gone."""
        for stream in self._streams.values():
            if not stream.received.at_eof():
                stream.received.feed_eof()
        self._streams.clear()

    async def send_data(self, number: int, data: bytes, *, last: bool = False) -> None:
        """Send a data frame."""
        length = len(data)
        await self._send(_HEAD.pack(number, _FIN if last else 0, length >> 16, length & 0xFFFF) + data)

    async def _control(self, first: int, flags: int, body: bytes) -> None:
        version, kind = first >> 16, first & 0xFFFF
        if version != _CONTROL | _VERSION:
            raise SpdyError(f"expected SPDY version {_VERSION}, got {version & ~_CONTROL}")
        match kind:
            case Frame.SYN_STREAM:
                await self._open(flags, body)
            case Frame.RST_STREAM:
                self._data(struct.unpack_from(">I", body)[0], b"", last=True)
            case Frame.PING:
                await self._send_control(Frame.PING, body)
            case Frame.GOAWAY:
                self.end()

    async def _open(self, flags: int, body: bytes) -> None:
        number = struct.unpack_from(">I", body)[0] & 0x7FFFFFFF
        headers = _headers(self._inflate.decompress(body[10:]))
        stream = self._streams[number] = SpdyStream(self, number, headers)
        none = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        await self._send_control(Frame.SYN_REPLY, struct.pack(">I", number) + none)
        self._opened(stream)
        if flags & _FIN:
            self._data(number, b"", last=True)

    def _data(self, number: int, data: bytes, *, last: bool) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        if data:
            stream.received.feed_data(data)
        if last:
            del self._streams[number]
            stream.received.feed_eof()

    async def _send_control(self, kind: Frame, body: bytes) -> None:
        first = (_CONTROL | _VERSION) << 16 | kind
        await self._send(_HEAD.pack(first, 0, len(body) >> 16, len(body) & 0xFFFF) + body)


def _headers(block: bytes) -> dict[str, str]:
    """Read a block of names and values, each after its length."""
    try:
        (count,) = struct.unpack_from(">I", block)
        at, texts = 4, []
        for _ in range(2 * count):
            (length,) = struct.unpack_from(">I", block, at)
            texts.append(block[at + 4 : at + 4 + length].decode("latin-1"))
            at += 4 + length
    except struct.error as error:
        raise SpdyError(f"a block of headers is cut off: {error}") from None
    return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=True)}
