"""The rules of its route decide if an answer is right, and its text identifies who gave it."""

from __future__ import annotations

import pytest

from harness.model.attempt import Outcome
from harness.model.experiment import Route
from harness.traffic.http.answers import RESPONDERS, TEXT_LIMIT, AnswerBook, target_of


def book(*patterns: str) -> tuple[AnswerBook, dict[int, str]]:
    """Make a book for one route, and the responders that it announces."""
    announced: dict[int, str] = {}
    return AnswerBook([Route("/", patterns)], announced.__setitem__), announced


@pytest.mark.parametrize(
    ("patterns", "status", "body", "outcome"),
    [
        (("apple*",), 200, b"apple-v1\n", Outcome.OK),
        (("apple-v1", "apple-v2"), 201, b"apple-v2", Outcome.OK),
        (("apple*",), 200, b"banana", Outcome.WRONG_ANSWER),
        (("apple",), 200, b"apple-v1", Outcome.WRONG_ANSWER),
        (("apple",), 200, b"Apple", Outcome.WRONG_ANSWER),
        (("apple*",), 200, b"", Outcome.WRONG_ANSWER),
        ((), 204, b"", Outcome.OK),
        ((), 200, b"\xff\xfe", Outcome.OK),
        (("apple*",), 503, b"apple-v1", Outcome.STATUS),
        ((), 302, b"", Outcome.STATUS),
        ((), 101, b"", Outcome.STATUS),
    ],
)
def test_an_answer_is_right_if_it_is_a_2xx_that_the_route_may_give(
    patterns: tuple[str, ...], status: int, body: bytes, outcome: Outcome
) -> None:
    """The whole body, stripped, must match one of the patterns; a wrong status counts as a wrong status only."""
    assert book(*patterns)[0].judge(0, status, body)[0] == outcome


@pytest.mark.parametrize(
    ("route", "status", "body", "outcome"),
    [
        (Route("/", statuses=(200, 404)), 404, b"", Outcome.OK),
        (Route("/", statuses=(404,)), 200, b"", Outcome.STATUS),
        (Route("/", statuses=(304,)), 304, b"", Outcome.OK),
        (Route("/", body="ok"), 200, b"ok", Outcome.OK),
        (Route("/", body="ok"), 200, b"ok\n", Outcome.WRONG_ANSWER),
        (Route("/", body="ok\n"), 200, b"ok\n", Outcome.OK),
        (Route("/", body=""), 200, b"", Outcome.OK),
        (Route("/", body=""), 200, b" ", Outcome.WRONG_ANSWER),
        (Route("/", body="caf\xe9"), 200, "caf\xe9".encode(), Outcome.OK),
        (Route("/", body="caf\xe9"), 200, "caf\xe9".encode("latin-1"), Outcome.WRONG_ANSWER),
        (Route("/", regex="v[12]$"), 200, b"apple-v2", Outcome.OK),
        (Route("/", regex="v[12]$"), 200, b"apple-v3", Outcome.WRONG_ANSWER),
        (Route("/", regex="(?m)^b"), 200, b"a\nb", Outcome.OK),
        (Route("/", ("apple*",), regex="v2"), 200, b"apple-v2", Outcome.OK),
        (Route("/", ("apple*",), regex="v2"), 200, b"apple-v1", Outcome.WRONG_ANSWER),
        (Route("/", ("apple*",), regex="v2"), 200, b"pear-v2", Outcome.WRONG_ANSWER),
        (Route("/", statuses=(503,), body="no"), 503, b"yes", Outcome.WRONG_ANSWER),
        (Route("/", statuses=(503,), body="no"), 200, b"no", Outcome.STATUS),
    ],
)
def test_all_that_a_route_expects_must_be_so(route: Route, status: int, body: bytes, outcome: Outcome) -> None:
    """Status first, then the exact body, the regular expression and the globs, each of those that are there."""
    assert AnswerBook([route], lambda _number, _text: None).judge(0, status, body)[0] == outcome


def test_of_an_answer_to_head_only_the_status_counts() -> None:
    """It has no body, so rules for bodies do not apply, and nothing identifies the responder."""
    answers = AnswerBook([Route("/", ("apple",), body="apple", regex="a")], lambda _number, _text: None)

    assert answers.judge(0, 200, b"", has_body=False) == (Outcome.OK, 0)
    assert answers.judge(0, 500, b"", has_body=False) == (Outcome.STATUS, 0)


def test_a_long_body_is_compared_in_full() -> None:
    """To its last byte; and where nothing is expected of it, its beginning is enough."""
    long = "x" * 100_000
    answers = AnswerBook([Route("/", body=long), Route("/")], lambda _number, _text: None)

    assert answers.judge(0, 200, long.encode())[0] == Outcome.OK
    assert answers.judge(0, 200, long[:-1].encode() + b"y")[0] == Outcome.WRONG_ANSWER
    assert (answers.needs_body(0), answers.needs_body(1)) == (True, False)


def test_each_text_has_one_number() -> None:
    """Numbers count from 1 in the order of first sight and are announced once; an empty body has none."""
    answers, announced = book()
    numbers = [answers.judge(0, 200, body)[1] for body in (b"a", b"b", b"a\n", b"", b"b")]

    assert numbers == [1, 2, 1, 0, 2]
    assert announced == {1: "a", 2: "b"}


def test_an_application_with_ever_new_answers_does_not_fill_the_memory() -> None:
    """Numbers end at a limit, and answers are judged without them; the beginning of a long text identifies it."""
    answers, announced = book("x*")
    for number in range(RESPONDERS + 10):
        assert answers.judge(0, 200, b"x%d" % number)[0] == Outcome.OK
    assert len(announced) == RESPONDERS
    assert answers.judge(0, 200, b"x-new") == (Outcome.OK, 0)

    answers, announced = book()
    assert {answers.judge(0, 200, b"y" * 5000 + end)[1] for end in (b"1", b"2")} == {1}
    assert len(announced[1]) == TEXT_LIMIT


def test_a_redirect_is_known_by_its_target() -> None:
    """Its body is boilerplate; an answer to HEAD has a target, too."""
    answers, announced = book("apple*")

    assert answers.judge(0, 301, b"<h1>Moved</h1>", target="https://shop.example/") == (Outcome.STATUS, 1)
    assert answers.judge(0, 301, b"", has_body=False, target="https://shop.example/") == (Outcome.STATUS, 1)
    assert answers.judge(0, 302, b"<h1>Moved</h1>", target="/login") == (Outcome.STATUS, 2)
    assert announced == {1: "redirect to https://shop.example/", 2: "redirect to /login"}


@pytest.mark.parametrize(
    ("head", "target"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: /new\r\n\r\n", "/new"),
        (b"HTTP/1.1 301 Moved\r\nX: y\r\nlocation:https://a/b \r\n\r\n", "https://a/b"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Location: /x\r\n\r\n", ""),
        (b"HTTP/1.1 300 Multiple Choices\r\n\r\n\r\nLocation: /in-the-body", ""),
    ],
)
def test_the_target_of_a_redirect_is_read_from_its_head(head: bytes, target: str) -> None:
    """Any case and spacing; another header or the body is no target."""
    assert target_of(head) == target
