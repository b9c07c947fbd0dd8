"""Send requests at 100/s to an ingress controller, each on a connection of its own, and tell what was answered."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

#: Requests per second, and the longest time for an answer in seconds.
RATE, ANSWER_SECONDS = 100, 8.0
#: How many latest answers a wait looks at, and how many seconds of requests the end of a case is.
LATEST, END_SECONDS = 30, 1.0
#: The state of a request that was not answered.
NOTHING = "nothing"


@dataclass(frozen=True)
class Target:
    """Where requests go.

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
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        under_way: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            begun, number = time.monotonic(), 0
            try:
                while True:
                    task = asyncio.create_task(self._one(session, target, changed))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    number += 1
                    await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            finally:
                await asyncio.gather(*under_way)

    async def _one(self, session: aiohttp.ClientSession, target: Target, changed: Callable[[], None]) -> None:
        sent = time.time()
        headers = {"Host": target.host, **target.headers}
        try:
            async with session.get(target.url + target.path, headers=headers, allow_redirects=False) as response:
                word = word_of(response.status, response.headers, await response.text(), target.host)
        except (aiohttp.ClientError, TimeoutError, OSError):
            word = NOTHING
        self.answers.append((sent, word))
        self.latest.append(word)
        changed()


def word_of(status: int, headers: Mapping[str, str], body: str, host: str) -> str:
    """Return an answer in a word: its status, with the text of a success or the place of a redirect."""
    if 200 <= status < 300:
        return f"{status} {body.strip()[:20]}".strip()
    if 300 <= status < 400:
        return f"{status} to {headers.get('Location', '-').replace(host, 'HOST')}"
    return str(status)


def is_lost(word: str) -> bool:
    """Tell whether a request was lost: it has no answer, or one of an error."""
    return word == NOTHING or word[0] in "45"


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
