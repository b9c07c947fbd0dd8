"""The page is private: loopback, token, Host, read-only; opened again, it shows the same state."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import InvalidInputError
from harness.play.page import LANGUAGES, page_texts, render_page
from harness.play.server import PageServer


@pytest.fixture
def page() -> Iterator[PageServer]:
    """Run a server with a state."""
    with PageServer() as server:
        server.publish({"facts": {"title": "first"}, "cards": []})
        yield server


def status(url: str, *, method: str = "GET", host: str = "") -> int:
    """Return the status of a request."""
    request = urllib.request.Request(url, method=method, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def next_sections(stream: Any) -> dict[str, Any]:
    """Return the next message of a stream."""
    for line in stream:
        if line.startswith(b"data: "):
            found: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
            return found
    pytest.fail("the stream has ended")


def test_who_may_read_it(page: PageServer) -> None:
    """The address alone is not enough without the token, nor is a name that somebody made resolve to loopback."""
    root = re.sub(r"[^/]+/$", "", page.url)

    assert page.url.startswith("http://127.0.0.1:")
    assert status(page.url) == 200
    assert (status(root), status(f"{root}guess/"), status(f"{root}guess/events")) == (404, 404, 404)
    assert status(page.url, host="evil.example") == 403
    assert status(f"{page.url}events", host="evil.example:80") == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(page: PageServer, method: str) -> None:
    """Every other method is refused."""
    assert status(page.url, method=method) == 405


def test_a_reader_gets_everything_and_then_changes(page: PageServer) -> None:
    """Only changed sections are sent; a second reader gets the whole state again."""
    with urllib.request.urlopen(f"{page.url}events", timeout=10) as stream:
        assert next_sections(stream) == {"facts": {"title": "first"}, "cards": []}
        page.publish({"facts": {"title": "first"}, "cards": [1]})
        assert next_sections(stream)["cards"] == [1]
        page.publish({"facts": {"title": "first"}, "cards": [1, 2]})
        assert next_sections(stream) == {"cards": [1, 2]}
        with urllib.request.urlopen(f"{page.url}events", timeout=10) as again:
            assert next_sections(again) == {"facts": {"title": "first"}, "cards": [1, 2]}


def test_the_end_is_announced() -> None:
    """A reader learns of it at once, and the server does not wait for readers."""
    with PageServer() as server:
        stream = urllib.request.urlopen(f"{server.url}events", timeout=10)
        next_sections(stream)
    with stream:
        assert b"event: ended" in stream.read()


def test_a_port_in_use(page: PageServer) -> None:
    """It is the user's to choose another one."""
    port = int(page.url.split(":")[2].partition("/")[0])

    with pytest.raises(InvalidInputError, match="1 problem"), PageServer(port):
        pytest.fail("two servers on one port")


def test_nothing_is_loaded_from_elsewhere(page: PageServer) -> None:
    """Neither by the page nor by the file; and no text ends its script element."""
    evil = "</script><script>alert(1)</script>"
    file = render_page({"facts": {"title": evil}})
    with urllib.request.urlopen(page.url, timeout=10) as answer:
        policy, live = answer.headers["Content-Security-Policy"], answer.read().decode()

    for text in (file, live):
        assert re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:|session\.html)[^\"']*", text) == []
        assert "http" not in re.sub(r"http://127\.0\.0\.1", "", text)
    assert "alert(1)</script>" not in file
    assert policy.startswith("default-src 'none'; script-src 'nonce-")


def test_every_language_has_every_text() -> None:
    """With the same words in braces, and no text that the script does not use."""
    first, *others = (page_texts(language) for language in LANGUAGES)
    for other in others:
        assert list(other) == list(first)
        for name, text in first.items():
            assert set(re.findall(r"{\w+}", other[name])) == set(re.findall(r"{\w+}", text)), name
