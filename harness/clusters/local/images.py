"""Which images a local cluster has. It imports nothing that runs one."""

from __future__ import annotations

from harness.errors import Problem
from harness.localkube.kubelet.images import KNOWN_IMAGES, find_image, has_stand_in


def check_image(name: str) -> Problem | None:
    """Return the problem that local clusters have with an image's name; None where they have the image."""
    if find_image(name) is not None or has_stand_in(name):
        return None
    return Problem(
        f"local clusters don't have the image {name!r}, and pull nothing",
        hint=f"they have {', '.join(sorted(KNOWN_IMAGES))}",
    )
