"""The requests of the timeline cases, and what is concluded from their answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from differential.controller_log import said_by
from differential.facts import compare, reduce
from differential.known import Known
from differential.measuring import VERDICT, shares, total
from differential.observing import Entry
from differential.running import Case, Step, relevant
from differential.traffic import NOTHING, Target, Traffic, counted_answers, first_of_last, is_lost, word_of


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na\n", "200 a"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\n", NOTHING),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204"),
        ("HTTP/1.1 301 Moved\r\nLocation: http://x.test/y\r\n\r\nmoved", "301 to http://HOST/y"),
        ("HTTP/1.1 302 Found\r\n\r\n", "302 to -"),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n<html>", "503"),
        ("", NOTHING),
        ("SSH-2.0", NOTHING),
    ],
)
def test_an_answer_is_a_word(answer: str, word: str) -> None:
    """A success says what it answers, a redirect where it goes, an error only its status; half an answer is none."""
    assert word_of(answer.encode(), "x.test") == word


@pytest.mark.parametrize(
    ("word", "lost"), [("200 a", False), ("302 to -", False), ("404", True), ("502", True), (NOTHING, True)]
)
def test_errors_and_no_answers_are_losses(word: str, lost: bool) -> None:
    """A redirect is an answer that the manifests ask for; an error, or no answer, is a loss."""
    assert is_lost(word) is lost


def test_only_requests_of_the_window_count() -> None:
    """A loss before the window is none of the verdict; the end is the last second of requests."""
    before, after = [(1.0, "503")], [(2.0 + n / 100, "200 a" if n < 150 else "200 b") for n in range(300)]

    assert counted_answers([*before, *after], 2.0) == {
        "verdict": "lossless",
        "lost": "0.00",
        "seen": "200 a + 200 b",
        "end": "200 b",
    }
    assert counted_answers([*before, *after, (3.0, NOTHING)], 2.0)["verdict"] == "lossy"
    assert counted_answers([*before, *after, (3.0, "502")], 2.0)["lost"] == "0.01"


def test_the_switch_to_the_last_answers_has_a_time() -> None:
    """The first request with the answer of the end counts, unless answers never changed."""
    answers = [(1.0 + n / 100, "200 a" if n < 150 else "200 b") for n in range(300)]

    assert first_of_last([*answers, (0.5, "200 b")], 1.0) == {"200 b": 2.5}
    assert first_of_last(answers[:100], 1.0) == first_of_last(answers, 9.0) == {}


def test_no_request_is_no_verdict() -> None:
    """A window in which nothing was sent is unknown, and never lossless."""
    assert counted_answers([(1.0, "200 a")], 2.0) == {"verdict": "unknown"}


def test_requests_are_sent_until_they_are_stopped() -> None:
    """Requests under way are waited for, errors are answers, and a server that ends is no answer."""

    async def scenario() -> Traffic:
        hosts: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            hosts.append(request.headers["Host"] + request.headers["X-Version"])
            return web.Response(text="a", status=200 if len(hosts) < 3 else 503)

        app = web.Application()
        app.router.add_get("/x", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        target = Target(site_url(runner), "x.test", "/x", {"X-Version": "1"})
        traffic, changed = Traffic(), asyncio.Event()
        sender = asyncio.create_task(traffic.send(target, changed.set))
        async with asyncio.timeout(180):
            while "503" not in traffic.latest:
                changed.clear()
                await changed.wait()
            await runner.cleanup()
            while NOTHING not in traffic.latest:
                changed.clear()
                await changed.wait()
        sender.cancel()
        await asyncio.wait({sender})
        assert set(hosts) == {"x.test1"}
        return traffic

    traffic = asyncio.run(scenario())

    assert {word for _, word in traffic.answers} == {"200 a", "503", NOTHING}
    assert counted_answers(traffic.answers, 0)["verdict"] == "lossy"


def site_url(runner: web.AppRunner) -> str:
    """Return the URL of a server on a port that the system chose."""
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('I1129 15:31:37.887359       7 controller.go:213] "Backend successfully reloaded"', "reload"),
        ("I1129 15:31:37.914501       7 controller.go:239] Dynamic reconfiguration succeeded.", "sync"),
        ("I1129 15:31:41.107061       7 controller.go:186] No configuration change detected, skipping", "sync"),
        ('127.0.0.1 - - "GET /Backend successfully reloaded" 404', ""),
        ('I1129 15:31:41.107061       7 store.go:440] "Found valid IngressClass"', ""),
    ],
)
def test_the_controllers_log_tells_syncs(line: str, said: str) -> None:
    """A reload and the end of a sync are recognised, and never in a line of the access log."""
    assert said_by(line) == said


_LOSSLESS: list[Entry] = [
    (0.0, "script", "step 1", "create"),
    (0.1, "pod a.1/1", "life", "there"),
    (0.2, "pod a.1/1", "Ready", "True"),
    (0.2, "service a", "to a.1/1", "ready (:1)"),
    (1.0, "ingress i", "address", "given"),
    (2.0, "controller", "reload", "done 1"),
    (2.5, "answers", "switch", "200 a"),
    (5.0, "answers", "verdict", "lossless"),
    (5.0, "answers", "lost", "0.00"),
    (5.0, "answers", "end", "200 a"),
    (5.0, "controller", "reloads", "1"),
]


def _but(aspect: str, state: str) -> list[Entry]:
    return [(*entry[:3], state) if entry[2] == aspect else entry for entry in _LOSSLESS]


def test_cases_that_ask_are_about_requests() -> None:
    """States of pods and endpoints are left to other cases; when pods were made is kept, to find a starved cluster."""
    assert {entry[2] for entry in relevant(_LOSSLESS)} == {
        "step 1", "life", "reload", "switch", "verdict", "lost", "end", "reloads",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("aspect", "state", "fact"),
    [
        ("verdict", "lossy", "answers: verdict"),
        ("end", "503", "answers: end"),
        ("reloads", "2", "controller: reloads"),
        ("lost", "4.50", "answers lost s"),
    ],
)
def test_each_conclusion_is_compared(aspect: str, state: str, fact: str) -> None:
    """Another verdict, last answer, number of reloads or amount of loss is a difference."""
    found = compare("case", [reduce(relevant(_LOSSLESS))], reduce(relevant(_but(aspect, state))), 2.0)

    assert [each.fact for each in found] == [fact]


def test_a_late_switch_is_a_difference() -> None:
    """The time until clients get the answers of the end is compared, as that of a reload."""
    late = [(9.0, *entry[1:]) if entry[2] == "switch" else entry for entry in _LOSSLESS]
    found = compare("case", [reduce(relevant(_LOSSLESS))], reduce(relevant(sorted(late))), 2.0)

    assert [each.fact for each in found] == ["step 1 to answers switch 200 a s"]


def test_shares_count_verdicts() -> None:
    """A verdict that differs is counted once as a verdict and once as a fact; cases without a run are left out."""
    cases = [Case(name, "traefik", (Step("ask", "/", {}),)) for name in ("same", "other", "not run")]
    real: dict[str, Any] = {case.name: [reduce(relevant(_LOSSLESS))] for case in cases}
    ours = {"same": real["same"][0], "other": reduce(relevant(_but("verdict", "lossy")))}

    found = shares(cases, real, ours, [])

    assert (found.cases, found.verdicts) == (2, (1, 2))
    assert found.facts[1] - found.facts[0] == 1
    assert found.durations[0] == found.durations[1]
    row = Known("other", VERDICT, "by chance", sometimes=True)
    assert (found.by_chance, shares(cases, real, ours, [row]).by_chance) == (0, 1)
    both = total([found, found])
    assert (both.cases, both.verdicts, both.facts[1]) == (4, (2, 4), 2 * found.facts[1])
