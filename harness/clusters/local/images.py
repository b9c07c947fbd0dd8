"""The check of images for local clusters, apart from the code that runs one, so that ``validate`` is fast."""

from __future__ import annotations

from harness.errors import Problem
from harness.localkube.kubelet.images import KNOWN_IMAGES, find_image


def check_image(name: str) -> Problem | None:
    """Return the problem of an image that local clusters do not have; None if they have it."""
    if find_image(name) is not None:
        return None
    return Problem(
        f"local clusters don't have the image {name!r} and pull no images",
        hint=f"they have {', '.join(sorted(KNOWN_IMAGES))}",
    )
