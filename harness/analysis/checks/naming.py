"""What findings are called by that are about one stream."""

from __future__ import annotations

from harness.model.schedule import Stream
from harness.model.timeline import Detail


def named(stream: Stream) -> Detail:
    """The stream, as a finding's numbers tell it."""
    return {"method": stream.method.name, "shape": stream.shape.name.lower(), "path": stream.key}
