"""The messages of gRPC's health protocol (``grpc.health.v1``), and their frames on a stream of HTTP/2. Pure."""

from __future__ import annotations

#: The path of a health check.
CHECK = "/grpc.health.v1.Health/Check"
CONTENT_TYPE = "application/grpc"
#: ``HealthCheckResponse`` with the status SERVING.
SERVING = b"\x08\x01"

_HEAD = 5
#: The key of field 1 with a length before its value.
_SERVICE = b"\x0a"
_LONGEST_NAME = 127


def frame(message: bytes) -> bytes:
    """Return a message that is not compressed, with its length before it."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def unframe(data: bytes) -> bytes:
    """Return the first message of a stream.

    Raises:
        ValueError: It is compressed or incomplete.
    """
    length = int.from_bytes(data[1:_HEAD], "big")
    if len(data) < _HEAD + length or data[0]:
        raise ValueError("no complete message")
    return data[_HEAD : _HEAD + length]


def check_request(service: str) -> bytes:
    """Return a ``HealthCheckRequest``.

    Raises:
        ValueError: The name of the service has more than 127 bytes, so that its length does not fit in one byte.
    """
    name = service.encode()
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"the name of the service has more than {_LONGEST_NAME} bytes")
    return _SERVICE + bytes([len(name)]) + name if name else b""
