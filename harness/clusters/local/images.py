"""The check of images for local clusters, apart from the code that runs one, so that ``validate`` is fast."""

from __future__ import annotations

import difflib

from harness.errors import Problem
from harness.localkube.kubelet.images import KNOWN_IMAGES, find_image, has_stand_in

#: Names as similar as this are taken for a misspelling: another program would run in place of the one that is meant.
_SIMILAR = 0.85


def check_image(name: str) -> Problem | None:
    """Return the problem of an image that local clusters can't run; None if they run it or a stand-in for it."""
    if find_image(name) is not None:
        return None
    known = sorted(KNOWN_IMAGES)
    if not has_stand_in(name):
        return Problem(
            f"local clusters don't have the image {name!r} and pull no images", hint=f"they have {', '.join(known)}"
        )
    if close := difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR):
        return Problem(f"local clusters don't have the image {name!r}", hint=f"did you mean {close[0]}?")
    return None
