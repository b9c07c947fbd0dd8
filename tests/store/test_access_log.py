"""Reading an access log: tries of nginx, one server of Traefik, and lines that were written in part."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.kube.traefik_log import access_line
from harness.store.access_log import AccessLines, read_access_log, read_requests, split_tries


def line(attempt: str, *, addr: str = "10.0.0.1:80", status: str = "200", connect: str | None = "0.000") -> str:
    """Return a line as nginx writes it."""
    fields = {
        "time": 1795920242.060, "attempt": attempt, "method": "GET", "uri": '/a?"status":7,{"time":1', "status": 200,
        "upstream_addr": addr, "upstream_status": status, "upstream_response_time": "0.001",
        **({"upstream_connect_time": connect} if connect is not None else {}), "request_time": 0.001, "backend": "b",
    }  # fmt: skip
    return json.dumps(fields, separators=(",", ":")) + "\n"


def read(tmp_path: Path, content: str | bytes) -> AccessLines:
    """Read a log."""
    path = tmp_path / "access.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_access_log(path, "t")


def test_every_try_has_its_address_status_and_connection(tmp_path: Path) -> None:
    """A dash is a try without a connection; an internal redirect separates tries by a colon."""
    found = read(
        tmp_path,
        line("t-0-1", addr="10.0.0.1:80, 10.0.0.2:80", status="502, 200", connect="-, 0.001")
        + line("t-1-2", addr="10.0.0.2:80 : 10.0.0.3:80", status="503 : 200", connect="0.000 : 0.000")
        + line("t-0-3", addr="", status="", connect=""),
    )

    assert list(zip(found.worker.tolist(), found.number.tolist(), found.status.tolist(), strict=True)) == [
        (0, 1, 200), (1, 2, 200), (0, 3, 200)
    ]  # fmt: skip
    assert found.tries_line.tolist() == [0, 0, 1, 1]
    assert [found.addresses[each] for each in found.tries_address] == [
        "10.0.0.1:80", "10.0.0.2:80", "10.0.0.2:80", "10.0.0.3:80"
    ]  # fmt: skip
    assert found.tries_status.tolist() == [502, 200, 503, 200]
    assert found.tries_connected.tolist() == [0, 1, 1, 1]


def test_a_line_without_connect_times_does_not_say_whether_there_was_a_connection(tmp_path: Path) -> None:
    """Traefik names one server, and neither that nor any other try has a time to connect."""
    text = json.dumps(
        {
            "ClientAddr": "127.0.0.1:1", "StartUTC": "2026-11-29T03:05:27.4Z", "Duration": 5, "RequestMethod": "GET",
            "RequestPath": "/", "DownstreamStatus": 502, "OriginStatus": 502, "ServiceAddr": "10.0.0.1:80",
            "RetryAttempts": 0, "request_X-Request-Id": "t-0-1",
        }
    )  # fmt: skip
    found = read(tmp_path, access_line(text) + "\n")

    assert (found.status.tolist(), found.tries_status.tolist(), found.tries_connected.tolist()) == ([502], [502], [-1])


def test_an_absent_log_has_no_lines(tmp_path: Path) -> None:
    """There is none if traffic passes no proxy."""
    found = read_access_log(tmp_path / "access.jsonl", "t")

    assert (len(found.status), len(found.unreadable), found.addresses) == (0, 0, ())


@pytest.mark.parametrize(
    "other", ["", "x-0-1", "tt-0-1", "t", "t-0", "t-0-1-1", "t-x-1", "t-0-", "t-99999-1", f"t-0-{1 << 60}"]
)
def test_an_id_of_another_request_is_left_out(tmp_path: Path, other: str) -> None:
    """Logs of a shared cluster have lines about everything, and a client may send any id."""
    found = read(tmp_path, line(other) + line("t-0-1"))

    assert (found.number.tolist(), len(found.unreadable)) == ([1], 0)


def test_an_unreadable_line_of_another_format_counts(tmp_path: Path) -> None:
    """The text of a line that Traefik wrote in part is kept, and is no request."""
    found = read(tmp_path, line("t-0-1") + access_line('{"ClientAddr":"127') + "\n" + line("t-0-2"))

    assert (found.number.tolist(), found.unreadable.tolist()) == ([1, 2], [1])


LINES = [line(f"t-0-{number}", addr=f"10.0.0.{number}:80", status=f"20{number}").encode() for number in range(1, 5)]


@example(first=sum(map(len, LINES[:3])) - 1, rest=4, cut=0)
@given(first=st.integers(0, sum(map(len, LINES))), rest=st.integers(0, len(LINES)), cut=st.integers(0, len(LINES[0])))
def test_a_line_that_was_written_in_part_is_never_completed_by_the_next_one(
    tmp_path_factory: pytest.TempPathFactory, first: int, rest: int, cut: int
) -> None:
    """Each line read was written, even if the begin of the log is cut or a write broke off before a new line."""
    whole = b"".join(LINES)
    path = tmp_path_factory.getbasetemp() / "torn.jsonl"
    path.write_bytes(whole[cut:first] + b"".join(LINES[rest:]))
    found = read_access_log(path, "t")
    # The last line is whole without its new line, too.
    lines, kept = [each.rstrip() for each in LINES], path.read_bytes().splitlines()
    servers = [found.addresses[each] for each in found.tries_address.tolist()]
    requests = zip(found.number.tolist(), servers, found.tries_status.tolist(), strict=True)

    # A line that occurs twice word for word counts once.
    assert list(requests) == [
        (lines.index(each) + 1, f"10.0.0.{lines.index(each) + 1}:80", 201 + lines.index(each))
        for each in dict.fromkeys(kept)
        if each in lines
    ]
    assert len(found.unreadable) == sum(each not in lines for each in kept)
    assert (np.diff(found.unreadable) >= 0).all()


@pytest.mark.parametrize(
    ("value", "tries"),
    [
        ("127.0.0.1:80", ("127.0.0.1:80",)),
        ("127.0.0.1:80, 127.0.0.2:80", ("127.0.0.1:80", "127.0.0.2:80")),
        ("127.0.0.1:80 : 127.0.0.2:80", ("127.0.0.1:80", "127.0.0.2:80")),
        ("", ()),
        (None, ()),
        ("502, -", ("502", "-")),
    ],
)
def test_tries_are_split_as_nginx_writes_them(value: str | None, tries: tuple[str, ...]) -> None:
    """A comma stands between tries, and a colon with spaces around an internal redirect."""
    assert split_tries(value) == tries


def test_each_line_keeps_what_a_trace_of_a_lost_request_shows(tmp_path: Path) -> None:
    """The texts are those of the proxy, and the last try decides if there was a connection."""
    found = read(
        tmp_path,
        line("t-0-1", addr="10.0.0.1:80, 10.0.0.2:80", status="502, 504", connect="0.001, -")
        + line("t-0-2", addr="10.0.0.1:80, 10.0.0.2:80", status="-, 502", connect="-, 0.001")
        + line("t-0-3", addr="", status="", connect=None),
    )

    assert [found.texts[each] for each in found.servers] == ["10.0.0.1:80, 10.0.0.2:80"] * 2 + [""]
    assert [found.texts[each] for each in found.statuses] == ["502, 504", "-, 502", ""]
    assert [found.texts[each] for each in found.backend] == ["b"] * 3
    assert found.was_connected.tolist() == [0, 1, 0]


def test_requests_of_everybody_can_be_read_line_by_line(tmp_path: Path) -> None:
    """A comparison of two controllers counts the requests of all clients."""
    path = tmp_path / "access.jsonl"
    path.write_text(line("t-0-1") + "no JSON\n[1]\n" + line("x-0-2"))

    assert [fields["attempt"] for fields in read_requests(path)] == ["t-0-1", "x-0-2"]
    assert list(read_requests(tmp_path / "none")) == []
