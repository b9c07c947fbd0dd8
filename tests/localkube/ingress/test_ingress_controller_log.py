"""The log of ingress-nginx's container has the lines of a real controller, which `kubectl logs` shows."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.localkube.ingress.controller_log import KlogFile

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane

INGRESS: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"namespace": "t1", "name": "i", "uid": "f422912e", "resourceVersion": "493"},
    "spec": {"ingressClassName": "nginx"},
}
#: Lines that release 1.11 wrote on a kind cluster, without their times.
REAL = """\
7 nginx.go:271] "Starting NGINX Ingress controller"
7 nginx.go:317] "Starting NGINX process"
7 controller.go:193] "Configuration changes detected, backend reload required"
7 controller.go:213] "Backend successfully reloaded"
7 controller.go:224] "Initial sync, sleeping for 1 second"
7 controller.go:239] Dynamic reconfiguration succeeded.
7 controller.go:186] No configuration change detected, skipping backend reload
7 store.go:440] "Found valid IngressClass" ingress="t1/i" ingressclass="nginx"
7 event.go:377] Event(v1.ObjectReference{Kind:"Ingress", Namespace:"t1", Name:"i", UID:"f422912e", \
APIVersion:"networking.k8s.io/v1", ResourceVersion:"493", FieldPath:""}): type: 'Normal' reason: 'Sync' \
Scheduled for sync
7 controller.go:1216] Service "t1/s" does not have any active Endpoint."""


def test_lines_are_those_of_a_real_controller(tmp_path: Path) -> None:
    """Texts, sources and klog's header are those of a real controller; the banner names the nginx that runs."""
    with KlogFile(tmp_path / "pods" / "c.log", lambda: 1795966768.5269) as log:
        log.started("1.22.1")
        log.initial_sync()
        log.reconfigured()
        log.unchanged()
        log.valid_class(INGRESS)
        log.event(INGRESS, "Normal", "Sync", "Scheduled for sync")
        log.no_endpoints("t1/s")
    text = log.path.read_text()
    lines = [line for line in text.splitlines() if re.match(r"[IWE]\d{4} ", line)]

    assert "nginx version: nginx/1.22.1\n" in text
    assert [line.split(maxsplit=2)[2] for line in lines] == REAL.splitlines()
    assert lines[0].startswith("I1129 15:39:28.5269")
    assert lines[-1].startswith("W1129")
    assert all(line[21:].startswith("       7 ") for line in lines)


def test_a_rejected_configuration_is_an_error(tmp_path: Path) -> None:
    """The message of nginx follows on lines of its own, as from a real controller."""
    with KlogFile(tmp_path / "c.log") as log:
        log.reload_failed("nginx: [emerg] unexpected end of file")

    assert re.fullmatch(
        r"E\d{4} \S+ +7 controller\.go:205\] Unexpected failure reloading the backend:\nnginx: \[emerg\] .*\n",
        log.path.read_text(),
    )


def test_a_published_address_is_logged(tmp_path: Path) -> None:
    """The old addresses of an Ingress and the new ones are JSON."""
    with KlogFile(tmp_path / "c.log") as log:
        log.publishing(INGRESS, [{"ip": "127.1.0.2"}])

    assert log.path.read_text().endswith(
        '"updating Ingress status" namespace="t1" ingress="i" currentValue=null newValue=[{"ip":"127.1.0.2"}]\n'
    )


@pytest.mark.processes
def test_syncs_reloads_and_requests_are_logged(plane: StartPlane) -> None:
    """A change that needs a reload says so, another does not; nginx adds its requests, but none without a rule."""

    async def scenario() -> list[str]:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("apple", app.at)
            await p.ingress("fruit", {"/apple": "apple"})
            await p.answers("/apple", 200, "v1")
            await p.get("/none")
            reloads = len(p.sync_log("reload"))
            log = p.settings.logs / "ingress-nginx.log"
            before = len(log.read_text().splitlines())
            await p.annotate("fruit", unknown="x")
            await p.until(lambda: "No configuration change" in "\n".join(log.read_text().splitlines()[before:]))
            await p.annotate("fruit", proxy_read_timeout="61")
            await p.recorded("reload", reloads + 1)
            text = log.read_text().splitlines()
            assert [line.split("] ", 1)[1] for line in text[before:] if "reload" in line and "Event(" not in line] == [
                "No configuration change detected, skipping backend reload",
                '"Configuration changes detected, backend reload required"',
                '"Backend successfully reloaded"',
            ]
            return text

    text = asyncio.run(scenario())
    requests = [line for line in text if '"GET ' in line]

    assert {line.split('"')[1] for line in requests} == {"GET /apple HTTP/1.1"}
    tail = r'" 200 \d+ "-" "[^"]*" \d+ [\d.]+ \[default-apple-80\] \[\] 127\.\S+ \d+ [\d.]+ 200 [0-9a-f]{32}$'
    assert re.search(tail, requests[-1])
