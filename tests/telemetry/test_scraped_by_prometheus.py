"""The real Prometheus scrapes a watch, and has the numbers of its account."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from command_line import PATIENCE, CommandLine
from ports import free_port

from harness.kit.waiting import wait_until
from harness.telemetry.dashboard import DASHBOARD
from harness.traffic.calibration.server import FaultyServer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed (Debian's package)"),
]


class Prometheus:
    """A running Prometheus.

    Args:
        port: The port of its API.
    """

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        """Return True once it answers queries."""
        try:
            with urlopen(f"{self.base}/-/ready", timeout=5) as answer:
                return int(answer.status) == 200
        except (URLError, ConnectionError):
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an expression; an expression that it refuses raises."""
        with urlopen(f"{self.base}/api/v1/query?{urlencode({'query': expression})}", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    def number(self, expression: str) -> float:
        """Return the only value of an expression; 0 if there is none yet."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else 0.0


@pytest.fixture
def target_port() -> int:
    """The port at which the watch serves its metrics."""
    return free_port()


@pytest.fixture
def prometheus(tmp_path: Path, target_port: int) -> Iterator[Prometheus]:
    """Run Prometheus, which scrapes the watch every half second."""
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
                "scrape_configs": [
                    {"job_name": "harness", "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}]}
                ],
            }
        )
    )
    argv = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    argv.append(f"--web.listen-address=127.0.0.1:{port}")
    with (tmp_path / "prometheus.log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        running = Prometheus(port)
        wait_until(running.is_ready, timeout=PATIENCE, what="Prometheus to be ready", interval=0.1)
        yield running
        process.terminate()
        process.wait(PATIENCE)


def wait_for_losses(prometheus: Prometheus) -> list[dict[str, Any]]:
    """Wait until every panel of the dashboard has data, apart from those of runs. Return the verdict so far."""
    lost = 'harness_requests_lost_total{class="closed"}'
    wait_until(lambda: prometheus.number(lost) >= 20, timeout=PATIENCE, what="losses in Prometheus", interval=0.2)
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for each in panel["targets"]:
            text = each["expr"].replace("$__rate_interval", "10s").replace('"$source"', '".*"')
            if text.startswith(("harness_trials", "harness_phase")):
                assert prometheus.query(text) == []
                continue
            wait_until(partial(prometheus.query, text), timeout=PATIENCE, what=f"data of {text}", interval=0.2)
    return prometheus.query("harness_verdict_so_far == 1")


def test_a_watch_is_scraped(prometheus: Prometheus, target_port: int, harness: CommandLine, tmp_path: Path) -> None:
    """It has the losses by class while they happen, and no number above that of the final account."""
    with FaultyServer.start(tmp_path / "target") as server:
        base = f"http://{server.address}:{server.port}/fault"
        words = ("--for", "1h", "--rate", "40", "--metrics", f":{target_port}", "--json", "--out", tmp_path / "watch")
        watch = harness.start("watch", f"{base}/ok", f"{base}/fin-before", *words)
        try:
            verdict = wait_for_losses(prometheus)
        finally:
            watch.terminate()
            account = harness.finish(watch).json

    last = {name: prometheus.number(f"sum(last_over_time({name}[1h]))") for name in (
        "harness_requests_sent_total", "harness_requests_answered_total", "harness_requests_lost_total",
        "harness_request_duration_seconds_count",
    )}  # fmt: skip
    assert [(each["metric"]["source"], each["metric"]["harness_verdict_so_far"]) for each in verdict] == [
        (f"http://{server.address}:{server.port}", "lossy")
    ]
    assert 40 <= last["harness_requests_sent_total"] <= account["sent"]
    assert 20 <= last["harness_requests_answered_total"] <= account["ok"]
    assert 20 <= last["harness_requests_lost_total"] <= account["lost"]["closed"] == account["lost_total"]
    assert 0 < last["harness_request_duration_seconds_count"] <= account["ok"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian's package prometheus)")
def test_promtool_finds_no_fault(harness: CommandLine, target_port: int, tmp_path: Path) -> None:
    """Prometheus' own linter accepts names, help and types."""
    with FaultyServer.start(tmp_path / "target") as server:
        url = f"http://{server.address}:{server.port}/fault/ok"
        watch = harness.start("watch", url, "--for", "1h", "--metrics", f":{target_port}", "--out", tmp_path / "watch")

        def text() -> str:
            try:
                with urlopen(f"http://127.0.0.1:{target_port}/metrics", timeout=5) as answer:
                    found: str = answer.read().decode()
            except (URLError, ConnectionError):
                return ""
            return found if "harness_requests_sent_total{" in found else ""

        try:
            served = wait_until(text, timeout=PATIENCE, what="metrics", interval=0.1)
        finally:
            watch.terminate()
            harness.finish(watch)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=served, capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
