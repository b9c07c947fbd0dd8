"""A small valid Experiment on disk, for tests to change in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.errors import InvalidInputError, Problem
from harness.experiment.load import load_experiment
from harness.model.experiment import Experiment

APPS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: apple}
spec:
  replicas: 1
  selector: {matchLabels: {app: apple}}
  template:
    metadata: {labels: {app: apple, version: v1}}
    spec:
      terminationGracePeriodSeconds: 20
      containers:
        - name: web
          image: hashicorp/http-echo:1.0
          args: [-text=apple]
---
apiVersion: v1
kind: Service
metadata: {name: apple-service}
spec:
  selector: {app: apple}
  ports: [{port: 5678}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: fruit}
spec:
  rules:
    - http:
        paths:
          - path: /apple
            pathType: Prefix
            backend: {service: {name: apple-service, port: {number: 5678}}}
"""

PATCH = """\
kind: Deployment
metadata: {name: apple}
spec:
  template:
    spec:
      containers:
        - name: web
          lifecycle: {preStop: {sleep: {seconds: 6}}}
"""

EXPERIMENT = """\
name: small
workload: apps.yaml
traffic:
  rate: 100/s
  paths: [{path: /apple, answers: apple}]
  pool: {size: 10}
matrix:
  pod:
    bare: {}
    graceful: {patch: patch.yaml}
changes:
  - none
  - restart: {deployment: apple}
expect:
  - {pod: bare, change: restart, verdict: lossy}
"""


@dataclass(frozen=True)
class Bench:
    """The folder with the Experiment."""

    folder: Path

    @property
    def path(self) -> Path:
        """Return the path of the Experiment file."""
        return self.folder / "small.yaml"

    def edit(self, file: str, old: str, new: str) -> None:
        """Change one place of a file."""
        text = (self.folder / file).read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        (self.folder / file).write_text(text.replace(old, new))

    def load(self, only: Mapping[str, tuple[str, ...]] | None = None) -> Experiment:
        """Load it."""
        return load_experiment(self.path, only=only or {})

    def problems(self, only: Mapping[str, tuple[str, ...]] | None = None) -> list[Problem]:
        """Return its problems, with ``file`` relative to the folder."""
        try:
            self.load(only)
        except InvalidInputError as error:
            return [replace(p, file=p.file.removeprefix(f"{self.folder}/")) for p in error.problems]
        return []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Write a valid Experiment of two configurations and two changes."""
    for name, text in (("apps.yaml", APPS), ("patch.yaml", PATCH), ("small.yaml", EXPERIMENT)):
        (tmp_path / name).write_text(text)
    return Bench(tmp_path)
