"""Locust's ``--host`` is the address of a web server, and nothing of it is dropped silently."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.traffic.class_plan import destination


@pytest.mark.parametrize(
    ("host", "expected"),
    [("http://a", ("a", 80)), ("https://a/x", ("a", 443)), ("http://[::1]:8080", ("::1", 8080))],
)
def test_an_address_has_host_and_port(host: str, expected: tuple[str, int]) -> None:
    """The port of the scheme is the default."""
    assert destination(host) == expected


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (None, "neither http:// nor https://"),
        ("ftp://a:21", "neither http:// nor https://"),
        ("http://:80", "no host"),
        ("http://a:0", "port 0"),
        ("http://a:65536", "out of range"),
        ("http://user:secret@a", "a user name and a password"),
    ],
)
def test_what_no_request_can_reach_is_refused(host: str | None, why: str) -> None:
    """With the reason, and never with the password."""
    with pytest.raises(HarnessError, match=why) as caught:
        destination(host)
    assert "secret" not in str(caught.value)
