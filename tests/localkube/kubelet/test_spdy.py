"""The server's side of SPDY/3.1 reads and writes the frames of kubectl's own library."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Coroutine
from typing import Any

import pytest

from harness.localkube.kubelet.streaming.spdy import DICTIONARY, SpdyConnection, SpdyError, SpdyStream

#: The checksum by which both sides of SPDY name the dictionary.
DICTIONARY_ID = 0xE3C6A7C2


class Client:
    """A client that builds frames and keeps what the server sends."""

    def __init__(self) -> None:
        self.streams: list[SpdyStream] = []
        self.sent = b""
        self.connection = SpdyConnection(self._keep, self.streams.append)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    async def _keep(self, data: bytes) -> None:
        self.sent += data

    def open_frame(self, number: int, **headers: str) -> bytes:
        """Return the frame that opens a stream."""
        pairs = [text.encode() for pair in headers.items() for text in pair]
        block = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(each)) + each for each in pairs)
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(1, struct.pack(">IIH", number, 0, 0) + packed)


def control(kind: int, body: bytes, *, version: int = 3) -> bytes:
    """Return a control frame."""
    return struct.pack(">HHI", 0x8000 | version, kind, len(body)) + body


def data(number: int, payload: bytes, *, last: bool = False) -> bytes:
    """Return a data frame."""
    return struct.pack(">II", number, (1 << 24 if last else 0) | len(payload)) + payload


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario in an event loop."""
    asyncio.run(scenario)


def test_the_dictionary_is_the_one_of_the_specification() -> None:
    """A single wrong letter would make every block of headers unreadable."""
    assert zlib.adler32(DICTIONARY) == DICTIONARY_ID


def test_streams_are_opened_answered_and_ended() -> None:
    """Frames may arrive in pieces; headers, data and the end of a stream reach its reader."""

    async def scenario() -> None:
        client = Client()
        frames = client.open_frame(1, streamType="data", port="80") + data(1, b"one") + data(1, b"two", last=True)
        for start in range(0, len(frames), 5):
            await client.connection.feed(frames[start : start + 5])

        (stream,) = client.streams
        assert stream.headers == {"streamtype": "data", "port": "80"}
        assert await stream.received.read() == b"onetwo"
        assert struct.unpack_from(">HH", client.sent) == (0x8003, 2)

    run(scenario())


def test_a_ping_is_answered_with_the_same_number() -> None:
    """The client takes the connection for dead otherwise."""

    async def scenario() -> None:
        client = Client()
        await client.connection.feed(control(6, struct.pack(">I", 7)))
        assert client.sent == control(6, struct.pack(">I", 7))

    run(scenario())


def test_what_a_stream_writes_is_cut_into_frames_and_ended_once() -> None:
    """Long data takes several frames; the end is sent once, however often it is asked for."""

    async def scenario() -> None:
        client = Client()
        await client.connection.feed(client.open_frame(1, port="80"))
        client.sent = b""
        (stream,) = client.streams
        await stream.write(b"x" * 40_000)
        await stream.close()
        await stream.close()
        first, rest = 32 * 1024, 40_000 - 32 * 1024
        assert client.sent == data(1, b"x" * first) + data(1, b"x" * rest) + data(1, b"", last=True)

    run(scenario())


@pytest.mark.parametrize("ending", [control(3, struct.pack(">II", 1, 5)), control(7, struct.pack(">II", 0, 0)), None])
def test_a_reset_a_goodbye_and_a_lost_client_end_the_stream(ending: bytes | None) -> None:
    """A reader never waits for a client that is gone."""

    async def scenario() -> None:
        client = Client()
        await client.connection.feed(client.open_frame(1, port="80"))
        if ending is None:
            client.connection.end()
        else:
            await client.connection.feed(ending)
        async with asyncio.timeout(180):
            assert await client.streams[0].received.read() == b""

    run(scenario())


def test_another_version_is_an_error() -> None:
    """Frames of another version would be misread."""

    async def scenario() -> None:
        with pytest.raises(SpdyError):
            await Client().connection.feed(control(1, b"\0" * 10, version=2))

    run(scenario())


def test_headers_that_are_cut_off_are_an_error() -> None:
    """A block that promises more than it holds is refused."""

    async def scenario() -> None:
        client = Client()
        packer = zlib.compressobj(zdict=DICTIONARY)
        packed = packer.compress(struct.pack(">II", 1, 9)) + packer.flush(zlib.Z_SYNC_FLUSH)
        with pytest.raises(SpdyError):
            await client.connection.feed(control(1, struct.pack(">IIH", 1, 0, 0) + packed))

    run(scenario())
