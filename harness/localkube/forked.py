"""Start the cluster's process by a fork: what it imports is imported once, for all clusters of a run."""

from __future__ import annotations

from harness.kit.forkserver import Template
from harness.localkube.system.programs import INGRESS_PROGRAMS

#: Modules that a cluster imports when it starts its kubelet and its ingress controller.
_IMPORTED_LATER = (
    "harness.localkube.kubelet.agent",
    *sorted({f"{each.package}.{module}" for each in INGRESS_PROGRAMS.values() for module in ("controller", "program")}),
)

NODE = Template(
    name="local-cluster",
    modules=("harness.localkube.node", *_IMPORTED_LATER),
    entry="harness.localkube.node:program",
    title="localkube",
    # asyncio reads into a buffer of 256 KiB. By default the C library maps and unmaps memory for each of them.
    environment={"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(4 << 20)},
)
