"""Read pods' logs: files that the kubelet writes, one for each container."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from harness.localkube.api import errors
from harness.localkube.api.log_times import Growth, Stamper
from harness.localkube.machinery.objects import Object

#: Seconds between two reads of a followed log.
_POLL_SECONDS = 0.1
_CHUNK = 256 * 1024
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LogOptions:
    """The options of a log request.

    Attributes:
        container: Name of the container.
        follow: True to continue until the container has ended.
        tail: Number of last lines; None for all.
        limit: Most bytes to return; None for all.
        since_ns: Leave out lines that were written before this time, in nanoseconds of the epoch.
        timestamps: True to put its time before each line.
    """

    container: str
    follow: bool = False
    tail: int | None = None
    limit: int | None = None
    since_ns: int = 0
    timestamps: bool = False

    @classmethod
    def parse(cls, pod: Object, query: Mapping[str, str]) -> LogOptions:
        """Parse the query; raise ``StatusError`` 400 for an unknown container or an option that is wrong."""
        container = container_of(pod, query.get("container", ""))
        name = pod["metadata"]["name"]
        if query.get("previous") == "true":
            raise errors.bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        try:
            tail, limit = (int(query[key]) if query.get(key) else None for key in ("tailLines", "limitBytes"))
            since = _since(query, time.time_ns())
        except ValueError as error:
            raise errors.bad_request(f"invalid log option: {error}") from None
        return cls(container, query.get("follow") == "true", tail, limit, since, query.get("timestamps") == "true")


def _since(query: Mapping[str, str], now_ns: int) -> int:
    """Return the time before which lines are left out; raise ``ValueError`` for an option that is wrong."""
    seconds, moment = query.get("sinceSeconds"), query.get("sinceTime")
    if seconds and moment:
        raise ValueError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if moment:
        found = datetime.fromisoformat(moment)
        if found.tzinfo is None:
            raise ValueError(f"sinceTime {moment!r} has no time zone")
        return round(found.timestamp() * _NS)
    if not seconds:
        return 0
    if int(seconds) < 1:
        raise ValueError("sinceSeconds must be greater than 0")
    return now_ns - int(seconds) * _NS


def container_of(pod: Object, wanted: str) -> str:
    """Return the container that a request names, or the only one; raise ``StatusError`` 400 if there is none."""
    name = pod["metadata"]["name"]
    names = [c["name"] for c in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ()))]
    if not wanted:
        if len(pod["spec"]["containers"]) > 1:
            listed = " ".join(names)
            raise errors.bad_request(f"a container name must be specified for pod {name}, choose one of: [{listed}]")
        return str(names[0])
    if wanted not in names:
        raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted


def log_file(directory: Path, pod: Object, container: str) -> Path:
    """Return the path of a container's log; raise ``StatusError`` 400 if it does not exist yet."""
    metadata = pod["metadata"]
    path = directory / f"{metadata['namespace']}_{metadata['name']}_{container}.log"
    if not path.exists():
        message = f'container "{container}" in pod "{metadata["name"]}" is waiting to start: ContainerCreating'
        raise errors.bad_request(message)
    return path


async def read_log(path: Path, options: LogOptions, growth: Growth, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the log in pieces; a followed log ends once ``ended`` returns True and everything is read."""
    left = options.limit
    async for piece in _pieces(path, options, growth, ended):
        shown = piece if left is None else piece[:left]
        if shown:
            yield shown
        if left is not None:
            left -= len(shown)
            if not left:
                return


async def _pieces(path: Path, options: LogOptions, growth: Growth, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        begin = 0 if options.tail is None else _tail_offset(path, options.tail)
        if options.since_ns:
            begin = max(begin, _line_from(file, growth.offset_of(options.since_ns)))
        file.seek(begin)
        stamper = Stamper(growth, begin) if options.timestamps else None
        while True:
            last_read = not options.follow or ended()
            while chunk := file.read(_CHUNK):
                yield chunk if stamper is None else stamper.feed(chunk)
            if last_read:
                yield b"" if stamper is None else stamper.end()
                return
            await asyncio.sleep(_POLL_SECONDS)


def _line_from(file: BinaryIO, offset: int) -> int:
    """Return the offset of the first line that begins at an offset or after it."""
    if not offset:
        return 0
    file.seek(offset - 1)
    file.readline()
    return file.tell()


def _tail_offset(path: Path, lines: int) -> int:
    content = path.read_bytes()
    kept = content.splitlines(keepends=True)[-lines:] if lines else []
    return len(content) - sum(map(len, kept))


def has_ended(pod: Object | None, container: str) -> bool:
    """Return True if a container will write no more: its pod is gone, or it has ended and will not be restarted."""
    if pod is None:
        return True
    statuses = pod.get("status", {}).get("containerStatuses") or []
    state = next((entry.get("state") or {} for entry in statuses if entry["name"] == container), {})
    return "terminated" in state and pod["spec"]["restartPolicy"] == "Never"
