"""Send requests at 100/s to an ingress controller, each on a connection of its own, and tell what was answered."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

#: Requests per second, and the longest time for an answer in seconds.
RATE, ANSWER_SECONDS = 100, 8.0
#: How many latest answers a wait looks at, and how many seconds of requests the end of a case is.
LATEST, END_SECONDS = 30, 1.0
#: The state of a request that was not answered.
NOTHING = "nothing"


@dataclass(frozen=True)
class Target:
    """The receiver of requests.

    Attributes:
        url: URL of the controller's entry point.
        host: The ``Host`` header.
        path: Path and query.
        headers: Further headers.
    """

    url: str
    host: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Traffic:
    """Requests and their answers.

    Attributes:
        answers: Of each request that has ended: the time at which it was sent in seconds since the epoch, and a word.
        latest: The words of the latest answers.
    """

    answers: list[tuple[float, str]] = field(default_factory=list)
    latest: deque[str] = field(default_factory=lambda: deque(maxlen=LATEST))

    async def send(self, target: Target, changed: Callable[[], None]) -> None:
        """Send until cancelled, then wait for the answers under way; ``changed`` is called after each answer."""
        under_way: set[asyncio.Task[None]] = set()
        begun, number = time.monotonic(), 0
        try:
            while True:
                task = asyncio.create_task(self._one(target, changed))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
                await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
        finally:
            await asyncio.gather(*under_way)

    async def _one(self, target: Target, changed: Callable[[], None]) -> None:
        sent = time.time()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                word = word_of(await answer_to(target), target.host)
        except (TimeoutError, OSError):
            word = NOTHING
        self.answers.append((sent, word))
        self.latest.append(word)
        changed()


async def answer_to(target: Target) -> bytes:
    """Send a request and return the whole answer. A library's client takes too long for hundreds in a second."""
    host, _, port = target.url.rpartition("/")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        fields = {"Host": target.host, "Connection": "close", **target.headers}
        lines = [f"GET {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await reader.read()
    finally:
        writer.close()


def word_of(answer: bytes, host: str) -> str:
    """Return an answer in a word: its status, with the text of a success or the place of a redirect.

    Args:
        answer: Status line, headers and body; without a status line there was no answer.
        host: The host that was asked for, which is different in each run.
    """
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    first, *fields = head.split("\r\n")
    code = first.split(" ")[1:2]
    if not first.startswith("HTTP/") or not code or not code[0].isdecimal():
        return NOTHING
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    if "content-length" in headers and len(body.encode()) < int(headers["content-length"]):
        return NOTHING
    status = int(code[0])
    if 200 <= status < 300:
        return f"{status} {body.strip()[:20]}".strip()
    if 300 <= status < 400:
        return f"{status} to {headers.get('location', '-').replace(host, 'HOST')}"
    return str(status)


def is_lost(word: str) -> bool:
    """Return True if a request was lost: it has no answer, or one of an error."""
    return word == NOTHING or word[0] in "45"


def first_of_last(answers: Sequence[tuple[float, str]], since: float) -> dict[str, float]:
    """Return when each of the answers at the end first came, unless it is that of the window's first request."""
    mine = sorted((at, word) for at, word in answers if at >= since)
    if not mine:
        return {}
    last = {word for at, word in mine if at >= mine[-1][0] - END_SECONDS} - {mine[0][1]}
    return {word: next(at for at, each in mine if each == word) for word in sorted(last)}


def counted_answers(answers: Sequence[tuple[float, str]], since: float) -> dict[str, str]:
    """Count the answers to the requests that were sent since a time.

    Returns:
        ``verdict``, the seconds of ``lost`` requests, all words that were ``seen``, and those at the ``end``.
    """
    mine = [(at, word) for at, word in answers if at >= since]
    if not mine:
        return {"verdict": "unknown"}
    last = max(at for at, _ in mine) - END_SECONDS
    lost = sum(is_lost(word) for _, word in mine)
    return {
        "verdict": "lossy" if lost else "lossless",
        "lost": f"{lost / RATE:.2f}",
        "seen": " + ".join(sorted({word for _, word in mine})),
        "end": " + ".join(sorted({word for at, word in mine if at >= last})),
    }
