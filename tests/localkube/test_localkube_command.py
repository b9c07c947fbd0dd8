"""``python -m harness.localkube`` runs a cluster without the rest of the harness."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.processes


def test_it_serves_until_it_is_stopped() -> None:
    """It prints a kubeconfig whose server answers; SIGINT stops it, removes its folder, and the exit code is 0."""
    with subprocess.Popen([sys.executable, "-m", "harness.localkube"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            exported = re.fullmatch(r"export KUBECONFIG=(.+)\n", running.stdout.readline())
            assert exported is not None
            config = Path(exported[1])
            server = yaml.safe_load(config.read_text())["clusters"][0]["cluster"]["server"]
            with urllib.request.urlopen(f"{server}/version") as answer:
                assert answer.status == 200
            assert running.stdout.readline() == "# Ctrl-C stops the cluster\n"
        finally:
            running.send_signal(signal.SIGINT)
            running.stdout.read()

    assert running.returncode == 0
    assert not config.parent.exists()


def test_it_imports_nothing_that_measures() -> None:
    """A cluster's process imports no traffic, no judging and no runner."""
    shown = "print(sorted({m.split('.')[1] for m in sys.modules if m.startswith('harness.')}))"
    code = f"import sys; import harness.localkube.__main__, harness.localkube.node; {shown}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == str(["controller_objects", "errors", "kit", "kube", "localkube", "problem_codes"])
