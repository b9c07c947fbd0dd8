"""Reads scheme, host and port of a web server from a URL."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

#: Scheme -> its usual port.
PORTS = {"http": 80, "https": 443}


class WebAddress(NamedTuple):
    """The address of a web server.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Name or IP address, without brackets.
        port: TCP port, from 1 to 65535.
    """

    scheme: str
    host: str
    port: int


def web_address(url: str) -> WebAddress:
    """Return the address in a URL; its path is ignored.

    Raises:
        ValueError: No web server can have it; the text says why.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise ValueError("it begins with neither http:// nor https://")
    if not parts.hostname:
        raise ValueError("it has no host")
    if parts.port == 0:
        raise ValueError("nothing can listen on port 0")
    return WebAddress(parts.scheme, parts.hostname, PORTS[parts.scheme] if parts.port is None else parts.port)


def has_login(url: str) -> bool:
    """Return True if a URL has a user name or a password."""
    return "@" in urlsplit(url).netloc
