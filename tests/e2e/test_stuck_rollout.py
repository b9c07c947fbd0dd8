"""A workload that cannot become ready ends its run within seconds, once for all trials of a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

EXPERIMENT = """\
name: stuck
workload: app.yaml
ingress: none
entry: {service: web}
traffic: {rate: 50/s, paths: [/], connections: [new], methods: [GET]}
changes: [none, restart: {deployment: web}]
"""
APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "hashicorp/http-echo:1.0", args: [-no-such-flag]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 5678}]}
"""


def test_a_crash_loop_is_found_once_for_all_trials(harness: CommandLine, tmp_path: Path) -> None:
    """The first trial has the evidence of the moment, and the second names it instead of waiting as long."""
    (tmp_path / "stuck.yaml").write_text(EXPERIMENT)
    (tmp_path / "app.yaml").write_text(APP)

    done = harness.run("run", tmp_path / "stuck.yaml", "--out", tmp_path / "run", "--parallel", "1", "--json")

    assert {cell["verdict"] for cell in done.json["cells"]} == {"inconclusive"}, done.result
    outcomes = [json.loads(file.read_text())["failure"] for file in (tmp_path / "run").rglob("outcome.json")]
    (second,) = (text for text in outcomes if "Not tried again" in text)
    (first,) = (text for text in outcomes if text != second)
    assert "cannot become ready" in first
    assert second.startswith(first.rstrip("."))
    (state,) = (tmp_path / "run").rglob("not-ready.json")
    found = json.loads(state.read_text())
    assert [pod["metadata"]["labels"]["app"] for pod in found["pods"]] == ["web"]
    assert any("no-such-flag" in line for lines in found["logs"].values() for line in lines)
    (text,) = (tmp_path / "run").rglob("not-ready.txt")
    assert "  log: unrecognized arguments: -no-such-flag" in text.read_text()
    assert any(event["reason"] == "BackOff" for event in found["events"])
