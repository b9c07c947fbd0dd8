"""The Traefik program: its path, its start and its end."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
from pathlib import Path

import pytest

from harness.kit.guardian import MARK
from harness.localkube.addresses import free_port, take_block
from harness.localkube.system.programs import INGRESS_PROGRAMS
from harness.localkube.traefik import process
from harness.localkube.traefik.install import find_traefik
from harness.localkube.traefik.log_follower import LogTail
from harness.localkube.traefik.process import TraefikProcess, traefik_argv

#: Nothing listens there; Traefik retries, and accepts traffic meanwhile.
NO_API = "http://127.0.0.1:1"


def test_traefik_is_found_in_its_package() -> None:
    """It is executable and has a version."""
    found = find_traefik()

    assert os.access(found.binary, os.X_OK)
    assert found.version.startswith("3.")


def test_telemetry_is_off_and_request_ids_are_logged(tmp_path: Path) -> None:
    """Update checks and statistics are off, request ids are logged, and providers use only our server."""
    argv = traefik_argv(
        Path("/traefik"), INGRESS_PROGRAMS["traefik"].providers, ("127.9.0.2", 8080), "http://127.9.0.1:9", tmp_path
    )

    assert {
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--entrypoints.web.address=127.9.0.2:8080",
        "--accesslog.fields.headers.names.X-Request-Id=keep",
        "--providers.kubernetescrd.endpoint=http://127.9.0.1:9",
        "--providers.kubernetesingress.endpoint=http://127.9.0.1:9",
    } <= set(argv)
    assert "kubernetesingressnginx" not in " ".join(argv)


async def answer(address: str, port: int) -> int:
    """Return the status of a GET, once something listens."""
    while True:
        try:
            return await asyncio.to_thread(status, address, port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)


def status(address: str, port: int) -> int:
    """Return the status of one GET."""
    connection = http.client.HTTPConnection(address, port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.processes
@pytest.mark.parametrize(("grace", "code"), [(30.0, 0), (0.0, -9)])
def test_it_serves_until_it_is_stopped(
    tmp_path: Path, grace: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops gracefully within the grace period, or at once without one, and ignores variables of our environment."""
    monkeypatch.setenv("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", "127.0.0.1:1")

    async def run() -> tuple[int, int]:
        traefik = TraefikProcess(find_traefik(), INGRESS_PROGRAMS["traefik"].providers)
        await traefik.start(block.ingress_address, port, NO_API, tmp_path)
        try:
            return await answer(block.ingress_address, port), await traefik.stop(grace)
        finally:
            await traefik.stop(0)

    with take_block() as held:
        block = held.block
        port = free_port(block.ingress_address, 8080)
        assert asyncio.run(run()) == (404, code)
        with pytest.raises(ConnectionRefusedError):
            status(block.ingress_address, port)


@pytest.mark.processes
def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    """Traefik ends by itself, and the error contains its output."""

    async def run(port: int) -> str:
        traefik = TraefikProcess(find_traefik(), INGRESS_PROGRAMS["traefik"].providers)
        await traefik.start("127.0.0.1", port, NO_API, tmp_path)
        failure = traefik.failure(await traefik.wait())
        return f"{failure.message} {failure.detail}"

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = asyncio.run(run(taken.getsockname()[1]))

    assert "Traefik ended by itself" in text
    assert "address already in use" in text


def test_only_chosen_variables_are_passed_on() -> None:
    """The list is short and contains the mark that identifies left-over processes."""
    assert MARK in process._PASSED_ON
    assert not any(name.startswith("TRAEFIK") for name in process._PASSED_ON)


def test_an_incomplete_line_waits_for_its_end(tmp_path: Path) -> None:
    """A missing log, half a line and its other half give each complete line once."""
    path = tmp_path / "log"
    tail = LogTail(path)
    seen = [tail.lines()]
    for chunk in ("one\ntw", "o\n", ""):
        with path.open("a") as file:
            file.write(chunk)
        seen.append(tail.lines())

    assert seen == [[], ["one"], ["two"], []]
