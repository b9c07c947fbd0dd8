"""Start the cluster's process by a fork: what it imports is imported once, for all clusters of a run."""

from __future__ import annotations

from harness.kit.forkserver import Template

NODE = Template(
    name="local-cluster",
    modules=("harness.localkube.node",),
    entry="harness.localkube.node:program",
    title="localkube",
    # asyncio reads into a buffer of 256 KiB. By default the C library maps and unmaps memory for each of them.
    environment={"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(4 << 20)},
)
