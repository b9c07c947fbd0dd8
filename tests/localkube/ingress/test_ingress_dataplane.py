"""Changes of endpoints, rules or the controller as clients of the data plane see them; with a real nginx."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from harness.errors import BringUpError
from harness.localkube.ingress.admin import NginxAdmin
from harness.localkube.ingress.controller import ADMIN_PORT
from harness.localkube.machinery.resources import EVENTS, INGRESSCLASSES

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import Plane, StartPlane

pytestmark = [pytest.mark.nginx, pytest.mark.processes]


def master_of(plane: Plane) -> psutil.Process:
    """Return the nginx master of a running data plane."""
    return psutil.Process(int((plane.settings.directory / "nginx" / "nginx.pid").read_text()))


def test_new_endpoints_close_no_connection(plane: StartPlane) -> None:
    """After a change of endpoints, a keep-alive connection continues to the new pod without a reload."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as old, p.upstream("v2", 2) as new:
            await p.service("apple", old.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")
            reloads = len(p.sync_log("reload"))
            kept = await p.connect()
            assert await kept.request("/apple") == (200, "v1")

            await p.service("apple", new.at)
            await p.answers("/apple", 200, "v2")

            assert await kept.request("/apple") == (200, "v2")
            assert len(p.sync_log("reload")) == reloads
            assert p.sync_log("endpoints")[-1]["detail"] == {"added": new.text, "removed": old.text}
            kept.close()

    asyncio.run(scenario())


def test_an_ingress_edit_closes_idle_connections(plane: StartPlane) -> None:
    """A changed annotation reloads nginx, which closes idle connections, and an Event reports the reload."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")
            kept = await p.connect()
            assert (await kept.request("/apple")).status == 200

            await p.annotate("fruit", proxy_read_timeout="61")

            assert await kept.closed_by_peer()
            await p.recorded("reload", 2)
            assert await p.get("/apple") == (200, "v1")
            events, _ = await p.client.list(EVENTS, "ingress-nginx")
            assert {event["reason"] for event in events} == {"RELOAD"}
            kept.close()

    asyncio.run(scenario())


def test_a_request_in_flight_survives_a_reload(plane: StartPlane) -> None:
    """The old worker answers its request before it closes the connection."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1, held=True) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            kept = await p.connect()
            asked = asyncio.create_task(kept.request("/apple"))
            await p.until(lambda: bool(app.requests))

            await p.annotate("fruit", proxy_read_timeout="61")
            await p.recorded("reload", 2)
            assert not asked.done()
            app.release.set()

            assert await asked == (200, "v1")
            assert await kept.closed_by_peer()
            kept.close()

    asyncio.run(scenario())


def test_the_kind_profile_waits_between_syncs(plane: StartPlane) -> None:
    """The second of two changes reaches nginx no sooner than 1/0.3 s after the first."""

    async def scenario() -> float:
        async with plane(profile="kind") as p:
            begun = time.monotonic_ns()
            await p.ingress("fruit", {"/apple": "apple"})
            await p.service("apple", p.nowhere(1))
            await p.recorded("endpoints", 1)
            return float(p.sync_log("endpoints")[0]["monotonic_ns"] - begun) / 1e9

    assert asyncio.run(scenario()) >= 1 / 0.3


def test_irrelevant_changes_cause_no_reload(plane: StartPlane) -> None:
    """An unknown annotation or a label closes no connection."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")
            syncs = len(p.sync_log("sync"))
            kept = await p.connect()
            assert (await kept.request("/apple")).status == 200

            await p.annotate("fruit", unknown="x")
            await p.recorded("sync", syncs + 1)

            assert await kept.request("/apple") == (200, "v1")
            assert len(p.sync_log("reload")) == 1
            kept.close()

    asyncio.run(scenario())


def test_no_endpoints_is_503_and_no_rule_is_404(plane: StartPlane) -> None:
    """A backend without ready endpoints answers 503, even if a terminating pod still serves; an unknown path is 404."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")
            kept = await p.connect()

            await p.service("apple", terminating=[app.at])
            await p.answers("/apple", 503)

            assert (await kept.request("/apple")).status == 503
            assert (await kept.request("/cherry")).status == 404
            assert (await kept.request("/applepie")).status == 503  # A rewrite turns paths into regular expressions.
            kept.close()

    asyncio.run(scenario())


def test_a_backend_that_is_no_longer_posted_is_503(plane: StartPlane) -> None:
    """A running worker forgets a backend that the last post leaves out, although its rules still name it.

    This is how an Ingress that goes to another Service loses requests: the endpoints are posted at once, and an old
    worker whose timer comes before its end has rules for a backend that is gone.
    """

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")

            async with NginxAdmin(p.block.ingress_address, ADMIN_PORT) as admin:
                await admin.post_backends({})

            await p.answers("/apple", 503)

    asyncio.run(scenario())


def test_a_refused_connection_is_retried_for_post_too(plane: StartPlane) -> None:
    """No byte was sent, so a POST is retried at the other endpoint; the access log shows both attempts."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", p.nowhere(2), app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")

            for n in range(20):
                answer = await p.get("/apple", method="POST", body="x", headers={"X-Request-ID": f"post-{n}"})
                assert answer == (200, "v1")
            lines = [await p.logged(f"post-{n}") for n in range(20)]

            assert "502, 200" in {line["upstream_status"] for line in lines}

    asyncio.run(scenario())


def test_a_closed_connection_is_retried_for_get(plane: StartPlane) -> None:
    """If a pod reads a GET and closes, the other pod gets it, and only the access log shows the failure."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("bad", 1, breaks=True) as bad, p.upstream("good", 2) as good:
            await p.service("apple", bad.at, good.at)
            await p.ingress("fruit", {"/apple": "apple"})
            n = 0
            while not bad.requests:
                n += 1
                assert await p.get("/apple", headers={"X-Request-ID": f"get-{n}"}) == (200, "good")
            line = await p.logged(f"get-{n}")

            assert line["upstream_status"] == "502, 200"
            assert line["upstream_addr"] == f"{bad.text}, {good.text}"

    asyncio.run(scenario())


def test_a_closed_connection_is_an_error_for_post(plane: StartPlane) -> None:
    """A pod that reads a POST and closes may have executed it, so it is not retried and answered with 502."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("bad", 1, breaks=True) as bad:
            await p.service("apple", bad.at)
            await p.ingress("fruit", {"/apple": "apple"})
            answer = await p.get("/apple", method="POST", body="x", headers={"X-Request-ID": "post"})
            line = await p.logged("post")

            assert answer.status == 502
            assert (line["upstream_status"], len(bad.requests)) == ("502", 1)

    asyncio.run(scenario())


def test_the_access_log_joins_by_request_id(plane: StartPlane) -> None:
    """Each request is one line with the id that the pod received, its endpoint and its connection."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")
            kept = await p.connect()
            await kept.request("/apple?q=1", headers={"X-Request-ID": "a-1"})
            await kept.request("/apple", headers={"X-Request-ID": 'a-"2"'})
            first, second = await p.logged("a-1"), await p.logged('a-"2"')

            assert (first["method"], first["uri"], first["status"]) == ("GET", "/apple?q=1", 200)
            assert (first["upstream_addr"], first["upstream_status"]) == (app.text, "200")
            assert first["connection"] == second["connection"]
            assert second["connection_requests"] == first["connection_requests"] + 1
            assert any("X-Request-ID: a-1\r\n" in head for head in app.requests)
            assert sum(line["attempt"] == "a-1" for line in p.access()) == 1
            kept.close()

    asyncio.run(scenario())


def test_paths_are_rewritten_and_routed(plane: StartPlane) -> None:
    """Capture groups reach the pod, the longest path wins, and the Ingress gets its address."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("apple", 1) as apple, p.upstream("banana", 2) as banana:
            await p.service("apple", apple.at)
            await p.service("banana", banana.at)
            await p.ingress("fruit", {"/apple(/|$)(.*)": "apple", "/apple/banana": "banana"}, rewrite="/$2")
            await p.answers("/apple", 200, "apple")
            assert await p.get("/apple/seed") == (200, "apple")
            assert apple.requests[-1].startswith("GET /seed HTTP/1.1")
            # The longer text is matched first, although the other expression matches too.
            assert (await p.get("/apple/banana")).body == "apple"
            assert await p.published("fruit") == [{"ip": p.block.ingress_address}]
            assert (await p.client.get(INGRESSCLASSES, "nginx"))["spec"]["controller"] == "k8s.io/ingress-nginx"

    asyncio.run(scenario())


def test_a_configuration_that_nginx_rejects_is_not_used(plane: StartPlane) -> None:
    """An invalid regular expression does not change the running rules, and an Event reports the reason."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")
            kept = await p.connect()
            await p.ingress("broken", {"/banana(": "apple"}, accepted=False)
            await p.warned()

            assert await kept.request("/apple") == (200, "v1")
            kept.close()

    asyncio.run(scenario())


def test_workers_end_when_the_master_is_killed(plane: StartPlane) -> None:
    """The workers of a killed master end, and the controller raises an error that names nginx."""

    async def scenario() -> list[psutil.Process]:
        async with plane() as p:
            master = master_of(p)
            workers: list[psutil.Process] = master.children()
            os.kill(master.pid, signal.SIGKILL)
            await asyncio.wait([p.task], timeout=60)
            assert p.task.done()
            return workers

    workers: list[psutil.Process] = []

    async def outer() -> None:
        workers.extend(await scenario())

    with pytest.raises(BringUpError, match="nginx"):
        asyncio.run(outer())
    assert not psutil.wait_procs(workers, timeout=60)[1]


def test_stopped_workers_are_killed(plane: StartPlane) -> None:
    """A worker stopped by SIGSTOP cannot react, but it and the master end when the controller is cancelled."""

    async def scenario() -> list[psutil.Process]:
        async with plane() as p:
            master = master_of(p)
            family: list[psutil.Process] = [master, *master.children()]
            for worker in master.children():
                os.kill(worker.pid, signal.SIGSTOP)
            return family

    family = asyncio.run(scenario())
    assert len(family) == 3
    assert not psutil.wait_procs(family, timeout=60)[1]


def test_a_port_in_use_is_an_error(plane: StartPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another listener at the data plane's port is reported before nginx would share the port with it."""
    taken: list[socket.socket] = []

    async def scenario() -> None:
        async with plane():
            pass

    def occupy(*_: Any) -> None:
        raise AssertionError("nginx was started")

    from harness.localkube.ingress import controller  # noqa: PLC0415

    real = controller.fixed_config_of

    def occupied(settings: Any, address: str, container_log: Path) -> Any:
        other = socket.socket()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((settings.block.ingress_address, settings.entry_port))
        other.listen(1)
        taken.append(other)
        return real(settings, address, container_log)

    monkeypatch.setattr(controller, "fixed_config_of", occupied)
    try:
        with pytest.raises(BringUpError, match="cannot listen"):
            asyncio.run(scenario())
    finally:
        taken[0].close()
