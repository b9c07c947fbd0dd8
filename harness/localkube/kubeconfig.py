"""Write the kubeconfig of a local cluster: one context, plain HTTP on a loopback address, no authentication."""

from __future__ import annotations

import json
from pathlib import Path

from harness.kit.files import clear_disk_errors


def write_kubeconfig(path: Path, name: str, url: str) -> None:
    """Write a kubeconfig whose only context is ``harness-<name>``.

    Args:
        path: The file.
        name: The cluster's name.
        url: URL of its API server.
    """
    context = f"harness-{name}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": url}}],
        "users": [{"name": context, "user": {}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": "default"}}],
        "current-context": context,
    }
    # JSON is valid YAML, so no YAML library is needed. No fsync: the file is useless after a power cut.
    with clear_disk_errors(path):
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
