"""Shows what clients report when a pod is killed while it works on a request of a kept connection.

Two pods stand behind one address, as behind a Service. The first has read the request when it is killed, so the
connection ends without an answer. A client that sends the request again gets the answer of the second pod. The pods'
receipts say how often the request was executed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

import aiohttp
import gevent
import urllib3

from bench.servers import ROOT, free_port
from bench.tables import parser, publish, table
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.localkube.apps.receipts import WORD
from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_ledger
from harness.traffic.http.answers import AnswerBook
from harness.traffic.http.client import Client, ClientPlan
from harness.traffic.http.destination import Destination

DOCUMENT = ROOT / "docs" / "explanation" / "what-others-hide.md"
COMMAND = "python -m bench.sent_again"
#: The second request: the first pod works on it until it is killed, and the second answers at once.
WORK = "/?delay=600s"
HEADER = "X-Request-ID"
#: More than anything takes here, seconds.
PATIENCE = 400.0
#: Seconds between two looks at a log.
_LOOK = 0.005
_BLOCK = 65536
#: A user of plain Locust that sends both requests on one connection and ends the run.
_LOCUSTFILE = f"""
from locust import FastHttpUser, task

class KeptConnection(FastHttpUser):
    @task
    def send(self):
        self.client.get("/", headers={{"{HEADER}": "first"}}, name="first")
        self.client.get("{WORK}", headers={{"{HEADER}": "second"}}, name="second")
        self.environment.runner.quit()
"""


@dataclass(frozen=True)
class Result:
    """The outcome of the second request.

    Attributes:
        client: The client, with its version.
        reported: What the client reports.
        executed: Number of pods that read the request.
    """

    client: str
    reported: str
    executed: int


class Pod:
    """A context manager that runs an application with receipts.

    Args:
        module: The application.
        log: File for its output.

    Attributes:
        port: Its port on 127.0.0.1.
        is_endpoint: True while new connections may be carried to it.
    """

    def __init__(self, module: str, log: Path) -> None:
        self._module, self._log = module, log
        self.port = free_port()
        self.is_endpoint = True

    def __enter__(self) -> Self:
        """Start it, and wait until it listens."""
        argv = [sys.executable, "-m", f"harness.localkube.apps.{self._module}", "-text=done", f"-listen=:{self.port}"]
        env = {**os.environ, "POD_IP": "127.0.0.1", "HOSTNAME": self._module}
        self._process = ManagedProcess.start(argv, name=self._module, log=self._log, env=env, cwd=ROOT)
        wait_until(
            lambda: "server is listening" in self._log.read_text(), timeout=PATIENCE, what=self._module, interval=_LOOK
        )
        return self

    def __exit__(self, *_error: object) -> None:
        """Kill it."""
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL, and wait for its end."""
        self._process.signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def reads(self, request: str) -> int:
        """Return how often it has read a request."""
        return len(re.findall(rf"^{WORD} \d+ read {re.escape(request)} ", self._log.read_text(), re.MULTILINE))


class Scene:
    """Two pods behind one address.

    Attributes:
        address: The address.
        pods: The pods, in the order in which connections try them.
    """

    def __init__(self, address: tuple[str, int], pods: tuple[Pod, Pod]) -> None:
        self.address = address
        self.pods = pods

    @property
    def url(self) -> str:
        """Return the address as a URL."""
        return f"http://{self.address[0]}:{self.address[1]}"

    @contextmanager
    def killing(self, request: str) -> Iterator[None]:
        """Kill the first pod as soon as it has read a request."""

        def kill() -> None:
            wait_until(
                lambda: self.pods[0].reads(request), timeout=PATIENCE, what=f"a receipt of {request}", interval=_LOOK
            )
            # As in a cluster: the endpoint is removed when the deletion begins, and the pod is killed later.
            self.pods[0].is_endpoint = False
            self.pods[0].kill()

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def executed(self, request: str) -> int:
        """Return the number of times that pods read a request."""
        return sum(pod.reads(request) for pod in self.pods)


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Yield a scene whose first pod works as long as it is asked to, and whose second answers at once."""
    with ExitStack() as stack:
        pods = Pod("slow_echo", folder / "one.log"), Pod("http_echo", folder / "two.log")
        for pod in pods:
            stack.enter_context(pod)
        yield Scene(stack.enter_context(service(pods)), pods)


@contextmanager
def service(pods: Sequence[Pod]) -> Iterator[tuple[str, int]]:
    """Yield an address whose connections are carried to the first pod that is an endpoint."""
    listening: Future[tuple[str, int]] = Future()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = next(pod.port for pod in pods if pod.is_endpoint)
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, forth), _copy(back, writer))
        finally:
            for each in (forth, writer):
                each.close()
                with suppress(ConnectionError):
                    await each.wait_closed()

    async def serve() -> None:
        async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
            listening.set_result(server.sockets[0].getsockname())
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listening.result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction of a connection, and close the other side at its end."""
    with suppress(ConnectionError):
        while data := await reader.read(_BLOCK):
            writer.write(data)
            await writer.drain()
    writer.close()


def by_urllib3(scene: Scene) -> tuple[str, str]:
    """Send both requests with urllib3; return the id of the second one, and what the client reports."""
    with urllib3.PoolManager() as pool:
        pool.request("GET", f"{scene.url}/", headers={HEADER: "first"})
        with scene.killing("second"):
            answer = pool.request("GET", scene.url + WORK, headers={HEADER: "second"})
    return "second", f"{answer.status}, no error"


def by_aiohttp(scene: Scene) -> tuple[str, str]:
    """Send both requests with aiohttp; return the id of the second one, and what the client reports."""

    async def send() -> int:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{scene.url}/", headers={HEADER: "first"}) as first:
                await first.read()
            async with session.get(scene.url + WORK, headers={HEADER: "second"}) as second:
                await second.read()
                return second.status

    with scene.killing("second"):
        return "second", f"{asyncio.run(send())}, no error"


def by_locust(scene: Scene) -> tuple[str, str]:
    """Send both requests with Locust's fast user; return the id of the second one, and what Locust counts."""
    with tempfile.TemporaryDirectory() as name, scene.killing("second"):
        file = Path(name, "locustfile.py")
        file.write_text(_LOCUSTFILE, encoding="utf-8")
        argv = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--users", "1", "--host", scene.url]
        done = subprocess.run(
            [*argv, "--json", "--skip-log"], cwd=name, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    rows = json.loads(done.stdout)
    sent, failed = (sum(row[key] for row in rows) for key in ("num_requests", "num_failures"))
    return "second", f"{sent} requests, {failed} failures, exit code {done.returncode}"


def by_harness(scene: Scene) -> tuple[str, str]:
    """Send both requests with the client of the harness; return the id of the second one, and its outcome."""
    streams = tuple(Stream(0, path, Method.GET, Shape.REUSED) for path in ("/", WORK))
    plan = ClientPlan(streams, host="h", token="t-0", timeout=PATIENCE, pool=Pool(size=1))
    with tempfile.TemporaryDirectory() as name:
        ledger = LedgerWriter(Path(name, "attempts.npy"), origin_ns=time.monotonic_ns())
        connections = ConnectionLedger(Path(name, "connections.npy"), origin_ns=time.monotonic_ns())
        client = Client(
            plan,
            Destination(socket.AF_INET, scene.address, None),
            ledger=ledger,
            connections=connections,
            answers=AnswerBook((Route("/", ("done",)),), lambda _number, _text: None),
            on_fault=_fail,
        )
        client.begin(0, 0)
        _drain(client)
        with scene.killing("t-0-1"):
            client.begin(0, 1)
            _drain(client)
        for each in (client, ledger, connections):
            each.close()
        outcome = Outcome(int(read_ledger(Path(name, "attempts.npy"))["outcome"][1]))
    return "t-0-1", f"lost: {outcome.label}"


#: Client -> the package that has its version, and the function that uses it.
CLIENTS: dict[str, tuple[str, Callable[[Scene], tuple[str, str]]]] = {
    "urllib3": ("urllib3", by_urllib3),
    "aiohttp": ("aiohttp", by_aiohttp),
    "Locust `FastHttpUser`": ("locust", by_locust),
    "the harness": ("", by_harness),
}


def measure(client: str) -> Result:
    """Let a client send a request to a pod that is killed while it works on it."""
    package, send = CLIENTS[client]
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as made:
        request, reported = send(made)
        return Result(f"{client} {version(package)}" if package else client, reported, made.executed(request))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every client, and publish the table."""
    options = parser(__doc__ or "")
    options.set_defaults(doc=DOCUMENT)
    given = options.parse_args(arguments)
    rows = [(each.client, each.reported, str(each.executed)) for each in map(measure, CLIENTS)]
    publish(given.doc, "sent_again", COMMAND, table(("client", "it reports", "executed"), rows))


def _drain(client: Client) -> None:
    with gevent.Timeout(PATIENCE):
        while client.in_flight:
            gevent.sleep(0.001)


def _fail(text: str) -> None:
    raise RuntimeError(text)


if __name__ == "__main__":
    main()
