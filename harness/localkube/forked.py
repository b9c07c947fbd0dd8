"""Start the cluster's process by a fork: what it imports is imported once, for all clusters of a run."""

from __future__ import annotations

from harness.kit.forkserver import Template

NODE = Template(
    name="local-cluster",
    modules=("harness.localkube.node",),
    entry="harness.localkube.node:program",
    title="localkube",
)
