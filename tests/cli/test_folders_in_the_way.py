"""Folders that cannot be created: the message names them, and no traceback calls it a bug of the harness."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.intake import write_experiment
from harness.cli.worker import worker
from harness.errors import HarnessError
from harness.intake.sources import read_source

OBJECTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "hashicorp/http-echo:1.0", ports: [{containerPort: 5678}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 5678}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: nginx
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}}]
"""


@pytest.fixture
def taken(tmp_path: Path) -> Path:
    """Return the path of a file where a command needs a folder."""
    path = tmp_path / "taken"
    path.write_text("a file")
    return path


def test_an_experiment_below_a_file(taken: Path, tmp_path: Path) -> None:
    """``harness init --output`` names the folder."""
    (tmp_path / "shop.yaml").write_text(OBJECTS)
    source = read_source(str(tmp_path / "shop.yaml"))

    with pytest.raises(HarnessError, match=r"Could not write .*taken: "):
        write_experiment(source, "shop.yaml", taken / "mine.yaml", ingress="", force=False, command="")


def test_a_workers_folder_that_is_a_file(taken: Path) -> None:
    """``harness worker --dir`` names it before anything is sent."""
    with pytest.raises(HarnessError, match=r"Could not write .*taken: "):
        worker(join="127.0.0.1:1", directory=taken)
