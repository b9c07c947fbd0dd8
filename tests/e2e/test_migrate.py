"""``harness migrate`` fails exactly if the target loses what the source does not, and survives a stop."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import PATIENCE, CommandLine, Finished

from harness.kit.waiting import wait_until
from harness.store.ledger import read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(1200)]

#: A client that uses kept connections without a look, and an edit that both controllers heed: nginx's reload cuts them.
TRAFFIC = {
    "rate": "60/s", "paths": ["/apple"], "methods": ["GET", "POST"], "connections": ["reused"],
    "pool": {"size": 32, "order": "fifo", "look": False}, "baseline": "3s", "settle": "3s", "timeout": "3s",
}  # fmt: skip
EDIT = {
    "ingress-edit": {
        "ingress": "fruit",
        "annotations": {
            "nginx.ingress.kubernetes.io/proxy-read-timeout": "61",
            "traefik.ingress.kubernetes.io/router.priority": "101",
        },
    }
}
FILES = ("comparison.json", "index.html", "junit.xml", "summary.md")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the comparison."""
    return {name: (folder / name).read_bytes() for name in FILES}


def outcomes(finished: Finished) -> dict[str, str]:
    """Return the outcome of each change. Cells that could not be compared fail the test."""
    unknown = [pair for pair in finished.json["pairs"] if pair["outcome"] == "unknown"]
    assert [(p["change"], p["source"]["findings"], p["target"]["findings"]) for p in unknown] == []
    return {pair["change"]: pair["outcome"] for pair in finished.json["pairs"]}


def test_the_gate_closes_where_only_the_target_loses(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """An edit loses requests on the way from Traefik to ingress-nginx (1), and not on the way back (0)."""
    path = experiment(traffic=TRAFFIC, changes=["none", EDIT])
    out = tmp_path / "closed"

    ways = ("--from", "traefik", "--to", "ingress-nginx", "--parallel", "1", "--retry-inconclusive", "5")
    closed = harness.run("migrate", path, *ways, "--out", out, "--json")

    assert outcomes(closed) == {"none": "lossless", "ingress-edit": "target-loses"}
    assert closed.code == 1, closed.result
    (edit,) = (pair for pair in closed.json["pairs"] if pair["change"] == "ingress-edit")
    assert [(d["code"], d["side"]) for d in edit["differences"]] == [("reload", "target")]
    assert edit["target"]["cut"] >= edit["target"]["lost"] > 0
    before = contents(out)
    assert harness.run("migrate", "--analyze", out).code == 1
    assert contents(out) == before

    opened = harness.run("migrate", "--analyze", turned(out, tmp_path / "opened"), "--json")

    assert outcomes(opened) == {"none": "lossless", "ingress-edit": "source-loses"}
    assert opened.code == 0, opened.result
    assert [each["numbers"]["annotation"].rpartition("/")[2] for each in opened.json["settings"]] == ["rewrite-target"]


def turned(folder: Path, to: Path) -> Path:
    """Return the same two runs as a migration in the other direction."""
    to.mkdir()
    (folder / "source-traefik").rename(to / "target-traefik")
    (folder / "target-ingress-nginx").rename(to / "source-ingress-nginx")
    plan = {"source": "ingress-nginx", "target": "traefik", "command": "turned round"}
    (to / "migration.json").write_text(json.dumps(plan), encoding="utf-8")
    return to


def test_a_stop_leaves_both_readable_and_nothing_green(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """After Ctrl-C in the target's run, the source's run is complete, and no cell passes."""
    out = tmp_path / "stopped"
    process = harness.start("migrate", experiment(), "--to", "traefik", "--out", out)
    ledger = out / "target-traefik" / "trials" / "bare--none" / "1" / "traffic" / "ledger-0.npy"
    wait_until(lambda: ledger.exists() and len(read_ledger(ledger)) > 0, timeout=PATIENCE, what="the target's traffic")
    process.send_signal(signal.SIGINT)
    finished = harness.finish(process)

    assert finished.code == 130, finished.result
    assert "Stopped before the end" in finished.out
    assert "Traceback" not in finished.err
    assert harness.run("analyze", out / "source-ingress-nginx").code in {0, 3}
    assert len(read_ledger(ledger)) > 0
    assert harness.run("migrate", "--analyze", out).code == 130
