"""Tests how arguments of ``harness watch`` become the traffic of each origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from harness.errors import InvalidInputError
from harness.model.attempt import Method, Outcome
from harness.model.experiment import Route, Tls
from harness.model.rates import Leg
from harness.model.shapes import Shape
from harness.runner.watch.request import MOST_ORIGINS, WatchRequest, origins_of
from harness.runner.watch.sender import address_of
from harness.traffic.http.answers import AnswerBook


def request(*urls: str, **words: Any) -> WatchRequest:
    """Return a request for these URLs; keyword arguments replace the defaults."""
    usual: dict[str, Any] = {
        "rate": 60.0, "methods": (Method.GET,), "shapes": (Shape.NEW, Shape.REUSED), "timeout": 2.0,
    }  # fmt: skip
    return WatchRequest(urls=urls, **usual | words)


def problems(*urls: str, **words: Any) -> str:
    """Return all problems of a request."""
    with pytest.raises(InvalidInputError) as caught:
        origins_of(request(*urls, **words))
    return str(caught.value)


def test_urls_of_one_origin_are_routes_of_one_sender() -> None:
    """The rate is that of all URLs. An origin with and without its default port is the same."""
    (origin,) = origins_of(request("http://shop.example/a?x=1", "http://shop.example:80", rate=60))

    assert (origin.url, origin.host, origin.port) == ("http://shop.example", "shop.example", 80)
    assert [route.path for route in origin.traffic.routes] == ["/a?x=1", "/"]
    assert (origin.traffic.rate, origin.traffic.host, origin.traffic.tls) == (60, "shop.example", None)


def test_each_origin_gets_its_part_of_the_rate() -> None:
    """Each URL gets the same part."""
    one, two = origins_of(request("http://a:8080/x", "https://b/", "http://a:8080/y", rate=60))

    assert [(one.traffic.rate, one.url), (two.traffic.rate, two.url)] == [(40, "http://a:8080"), (20, "https://b")]
    assert (one.traffic.tls, two.traffic.tls) == (None, Tls())


def test_addresses_and_names_of_all_kinds_are_understood() -> None:
    """IPv6 in brackets, non-ASCII names and paths, and an own Host header are accepted."""
    six, umlaut = origins_of(request("http://[::1]:8080/", "http://bücher.example/ä b", host="shop.example"))

    assert (six.host, six.port, six.url) == ("::1", 8080, "http://[::1]:8080")
    assert (umlaut.host, umlaut.traffic.routes[0].path) == ("xn--bcher-kva.example", "/%C3%A4%20b")
    assert {six.traffic.host, umlaut.traffic.host} == {"shop.example"}


def test_expectations_and_tls_reach_every_route(tmp_path: Path) -> None:
    """Expectations apply to each URL."""
    (origin,) = origins_of(
        request("https://a/", statuses=(200,), body="hi", regex="h.", insecure=True, server_name="b")
    )

    assert origin.traffic.routes == (Route("/", ("hi",), (200,), regex="h."),)
    assert origin.traffic.tls == Tls(verify=False, ca="", server_name="b")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"v[1]*?", Outcome.OK),
        (b"v[1]*?\r\n", Outcome.OK),
        (b"v1-x", Outcome.WRONG_ANSWER),
        (b"v[1]*?!", Outcome.WRONG_ANSWER),
        (b"", Outcome.WRONG_ANSWER),
    ],
)
def test_an_expected_body_is_compared_literally(answer: bytes, outcome: Outcome) -> None:
    """No character is a pattern, and a newline at the end of the answer is ignored."""
    (origin,) = origins_of(request("http://a/", body="v[1]*?"))
    book = AnswerBook(origin.traffic.routes, lambda _number, _text: None)

    assert book.judge(0, 200, answer)[0] is outcome


def test_a_ramp_is_shared_and_its_highest_rate_counts() -> None:
    """Each origin gets its part at all times. Pool and concurrency suit the highest rate."""
    ramp = (Leg(64.0, 3200.0, 30.0),)
    urls = ("http://a:8080/x", "https://b/", "http://a:8080/y", "http://a:8080/z")
    one, two = origins_of(request(*urls, rate=ramp, timeout=5.0))

    assert one.traffic.rate == (Leg(48.0, 2400.0, 30.0),)
    assert two.traffic.rate == (Leg(16.0, 800.0, 30.0),)
    assert (one.traffic.pool.size, one.traffic.concurrency) == (64, 14_400)


def test_the_pool_suits_the_rate() -> None:
    """Each connection is used about twice a second. A watch of one request per second has one connection."""
    sizes = {
        rate: origins_of(request("http://a/", rate=rate))[0].traffic.pool.size for rate in (0.1, 1.0, 50.0, 10_000.0)
    }

    assert sizes == {0.1: 1, 1.0: 1, 50.0: 13, 10_000.0: 64}


def test_a_hung_server_does_not_delay_the_schedule() -> None:
    """Concurrency allows for all requests within a timeout."""
    (origin,) = origins_of(request("http://a/", rate=2000.0, timeout=5.0))

    assert origin.traffic.concurrency == 12_000


def test_a_login_in_a_url_is_refused_without_repeating_it() -> None:
    """The command line takes it out before; a program gives a header."""
    message = problems("http://user:secret@a/")

    assert "has a user name and a password" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("shop.example/x", "http://shop.example/x"),
        ("ftp://a/", "not an http:// or https:// URL"),
        ("http://", "not an http:// or https:// URL"),
        ("http://a:99999/", "Port out of range"),
        ("http://[::1/", "not an http:// or https:// URL"),
        ("http://a:0/", "nothing can listen on port 0"),
        ("http://:80/", "it has no host"),
        ("http://a:http/", "Port could not be cast"),
    ],
)
def test_a_text_that_is_no_url_is_reported_with_a_suggestion(url: str, why: str) -> None:
    """The message has the text, and a suggestion if there is one."""
    message = problems(url)

    assert url in message
    assert why in message


def test_all_problems_are_listed(tmp_path: Path) -> None:
    """Each one names its option."""
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate", encoding="utf-8")
    message = problems(
        "nonsense", "http://a/", "http://a/", rate=0.0, timeout=0.0, regex="(", host="a b", ca=nothing, insecure=True
    )

    words = ["nonsense", "given twice", "--rate", "--timeout", "--expect-regex", "--host", "none of the URLs is https"]
    words += ["--insecure accepts any", "no certificate in PEM form"]

    assert [word for word in words if word not in message] == []


def test_further_limits() -> None:
    """Bodies of HEAD and too many origins are refused."""
    assert "no body" in problems("http://a/", methods=(Method.HEAD,), body="x")
    assert f"at most {MOST_ORIGINS}" in problems(*(f"http://a:{port}/" for port in range(1, MOST_ORIGINS + 2)))


def test_a_name_resolves_to_ipv4_first() -> None:
    """Few local servers listen on both, and no request is sent to find out."""
    assert address_of("localhost", 80) == "127.0.0.1"
    assert address_of("::1", 80) == "::1"


def test_shapes_that_wait_have_their_times() -> None:
    """They are fields of the plan, as in an Experiment."""
    shapes = (Shape.NEW, Shape.IDLE, Shape.PREOPENED)
    (origin,) = origins_of(request("http://a/", shapes=shapes, durations={Shape.IDLE: 2.0, Shape.PREOPENED: 4.0}))

    assert {shape: origin.traffic.seconds_of(shape) for shape in shapes} == dict(zip(shapes, (0, 2, 4), strict=True))


@pytest.mark.parametrize(
    ("shape", "seconds", "rate", "text"),
    [
        (Shape.PREOPENED, 0.0, 60.0, "preopened needs a time: the time from opening a connection to its request"),
        (Shape.IDLE, 0.0, 60.0, "idle needs a time"),
        (Shape.SLOW, 2.0, 60.0, "slow: no watch can see whether the application helps"),
        (Shape.PREOPENED, 20.0, 1000.0, "20,000 connections to http://a would wait unused"),
    ],
)
def test_shapes_that_could_show_nothing_are_refused(shape: Shape, seconds: float, rate: float, text: str) -> None:
    """Before anything is sent."""
    assert text in problems("http://a/", shapes=(shape,), rate=rate, durations={shape: seconds})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"methods": ("GET",)}, "methods=['GET']: expected one or more of harness.Method"),
        ({"methods": ()}, "methods=[]: expected one or more of harness.Method"),
        ({"shapes": ("new",)}, "connections=['new']: expected one or more of harness.Shape"),
        ({"shapes": ()}, "connections=[]: expected one or more of harness.Shape"),
        ({"statuses": (99999,)}, "99999 is not the status of a final answer: expected 200 to 599"),
    ],
)
def test_values_that_no_command_line_can_give_are_refused(words: dict[str, Any], expected: str) -> None:
    """A program may pass anything; nothing is sent, and no traceback comes from within."""
    assert expected in problems("http://a/", **words)


def test_a_request_needs_a_url_as_text() -> None:
    """No URL, or a path of a file, is named as such."""
    assert "no URL is given" in problems()
    assert "PosixPath('/a') is not a URL as text" in problems(*cast("list[str]", [Path("/a")]))
