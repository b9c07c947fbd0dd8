"""A cluster for the rows, started as a user starts one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kubectl_runner import Place, Runner, first_node

#: Names a kubectl to use instead of the one on PATH, such as that of another release.
KUBECTL = "HARNESS_TEST_KUBECTL"


@pytest.fixture(scope="module")
def kubectl() -> str:
    """Return the kubectl to use."""
    program = os.environ.get(KUBECTL) or shutil.which("kubectl")
    if not program:
        pytest.skip("kubectl is not on PATH")
    return program


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Let no process of a test outlive it; the shared cluster and its pods end later."""
    yield
    left = [each.cmdline() for each in psutil.Process().children() if each.status() != "zombie"]
    assert [words for words in left if "harness.localkube" not in words] == []


@pytest.fixture(scope="module")
def runner(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Yield a runner of rows on a cluster without an ingress and without delays."""
    argv = [sys.executable, "-m", "harness.localkube", "--profile", "instant"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as cluster:
        assert cluster.stdout is not None
        try:
            kubeconfig = Path(cluster.stdout.readline().strip().partition("=")[2])
            assert kubeconfig.is_file()
            yield Runner(Place(kubectl, kubeconfig, first_node(kubectl, kubeconfig)), tmp_path_factory.mktemp("rows"))
        finally:
            cluster.send_signal(signal.SIGINT)
            cluster.wait(60)
