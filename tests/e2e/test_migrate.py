"""``harness migrate`` as a user runs it: the gate closes where the target loses, opens where not, knows a stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine

from harness.kit.waiting import wait_until
from harness.store.ledger import read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

#: A path that only those who read ingress-nginx's annotations take for a regular expression.
REGEX_PATH = {
    "kind": "Ingress",
    "metadata": {
        "name": "fruit",
        "annotations": {
            "nginx.ingress.kubernetes.io/use-regex": "true",
            "nginx.ingress.kubernetes.io/rewrite-target": "/$2",
        },
    },
    "spec": {
        "rules": [
            {
                "http": {
                    "paths": [
                        {
                            "path": "/apple(/|$)(.*)",
                            "pathType": "ImplementationSpecific",
                            "backend": {"service": {"name": "apple-service", "port": {"number": 5678}}},
                        }
                    ]
                }
            }
        ]
    },
}
FILES = ("comparison.json", "index.html", "junit.xml", "summary.md")


def contents(folder: Path) -> dict[str, bytes]:
    """What the comparison wrote."""
    return {name: (folder / name).read_bytes() for name in FILES}


def test_the_gate_closes_where_the_target_loses(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """Traefik's Ingress provider serves no such route (1), the reason is named, and comes again byte for byte."""
    path = experiment(matrix={"path": {"regex": {"patch": REGEX_PATH}}})
    out = tmp_path / "closed"

    finished = harness.run("migrate", path, "--to", "traefik", "--out", out, "--json", timeout=200)

    assert finished.code == 1, finished.err
    (pair,) = finished.json["pairs"]
    assert (pair["outcome"], pair["source"]["lost"]) == ("target-loses", 0)
    assert pair["target"]["lost"] == pair["target"]["sent"] > 0
    (difference,) = pair["differences"]
    assert (difference["code"], difference["side"]) == ("routing", "target")
    assert f"/apple 404 × {pair['target']['lost']}" in difference["numbers"]["answers"]  # noqa: RUF001 - typography
    ignored = {each["numbers"]["annotation"].rpartition("/")[2] for each in finished.json["settings"]}
    assert ignored == {"use-regex", "rewrite-target"}
    before = contents(out)
    assert harness.run("migrate", "--analyze", out).code == 1
    assert contents(out) == before
    assert harness.run("analyze", out / "target-traefik").code == 3


def test_the_gate_opens_where_the_target_loses_nothing(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """Traefik's ingress-nginx provider reads both annotations: the same Experiment is lossless on both sides (0)."""
    path = experiment(matrix={"path": {"regex": {"patch": REGEX_PATH}}})

    finished = harness.run("migrate", path, "--to", "traefik-nginx", "--out", tmp_path / "open", "--json", timeout=200)

    if finished.code == 3:
        (pair,) = finished.json["pairs"]
        pytest.fail(f"a side has no answer: {pair['source']['findings']} {pair['target']['findings']}")
    assert finished.code == 0, finished.err
    assert [pair["outcome"] for pair in finished.json["pairs"]] == ["lossless"]
    assert finished.json["settings"] == []


def test_a_stop_leaves_both_readable_and_nothing_green(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """Ctrl-C while the target is run: the source's run is whole, the target's readable, every cell unknown or lost."""
    out = tmp_path / "stopped"
    process = harness.start("migrate", experiment(), "--to", "traefik", "--out", out)
    ledger = out / "target-traefik" / "trials" / "bare--none" / "1" / "traffic" / "ledger-0.npy"
    wait_until(lambda: ledger.exists() and len(read_ledger(ledger)) > 0, timeout=150, what="the target's traffic")
    process.send_signal(signal.SIGINT)
    finished = harness.finish(process)

    assert finished.code == 130, finished.err
    assert "Stopped before its end" in finished.out
    assert "Traceback" not in finished.err
    assert harness.run("analyze", out / "source-ingress-nginx").code in {0, 3}
    assert len(read_ledger(ledger)) > 0
    assert harness.run("migrate", "--analyze", out).code == 130
