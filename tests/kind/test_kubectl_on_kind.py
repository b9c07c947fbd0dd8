"""The rows of the table of kubectl commands on a real cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubectl_rows import ROWS, Result, Row
from kubectl_runner import Place, Runner, first_node

pytestmark = pytest.mark.kind

IMAGES = ("hashicorp/http-echo:1.0", "hashicorp/http-echo:0.2.3")
#: The image of the ingress controller has a shell, and every node has it.
_SHELL = "jsonpath={.spec.template.spec.containers[0].image}"

COMPARED = [
    pytest.param(row, id=f"{section} {number} {row.command[:40]}")
    for section, rows in ROWS.items()
    for number, row in enumerate(rows)
    if row.real or row.result is Result.WORKS
]


@pytest.fixture(scope="module")
def place(cluster: str, state: Path) -> Place:
    """Return the cluster with the images of the rows."""
    kubeconfig, kubectl = state / "harness" / "kind" / cluster / "kubeconfig", shutil.which("kubectl") or ""
    for image in IMAGES:
        load = ["kind", "load", "docker-image", "--name", cluster, image]
        subprocess.run(load, check=True, capture_output=True, timeout=300)
    controller = [kubectl, "--kubeconfig", str(kubeconfig), "--namespace=ingress-nginx", "get", "deployment"]
    found = subprocess.run(
        [*controller, "ingress-nginx-controller", "-o", _SHELL], check=True, capture_output=True, text=True, timeout=60
    )
    node = first_node(kubectl, kubeconfig)
    return Place(kubectl, kubeconfig, node, *IMAGES, shell=found.stdout, command='["sleep", "3600"]')


@pytest.fixture(scope="module")
def runner(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Yield a runner of rows, and remove what it made."""
    made = Runner(place, tmp_path_factory.mktemp("rows"))
    yield made
    made.close()


@pytest.mark.parametrize("row", COMPARED)
def test_a_real_cluster_shows_the_same(runner: Runner, row: Row) -> None:
    """Commands that work on the embedded cluster work here; the others print the output that their row has."""
    outcome = runner.run(row)

    assert re.search(row.real or row.shows, outcome.text, re.MULTILINE), outcome.text
    if not row.real:
        assert (outcome.code != 0) is row.fails, outcome.text
