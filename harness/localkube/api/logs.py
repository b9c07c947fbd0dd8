"""Read pods' logs: files that the kubelet writes, one for each container."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object

#: Seconds between two reads of a followed log.
_POLL_SECONDS = 0.1
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class LogOptions:
    """The options of a log request.

    Attributes:
        container: Name of the container.
        follow: True to continue until the container has ended.
        tail: Number of last lines; None for all.
        limit: Most bytes to return; None for all.
    """

    container: str
    follow: bool = False
    tail: int | None = None
    limit: int | None = None

    @classmethod
    def parse(cls, pod: Object, query: Mapping[str, str]) -> LogOptions:
        """Parse the query; raise ``StatusError`` 400 for an unknown container or an unsupported option."""
        container = container_of(pod, query.get("container", ""))
        name = pod["metadata"]["name"]
        if query.get("previous") == "true":
            raise errors.bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        for option in ("timestamps", "sinceSeconds", "sinceTime"):
            if query.get(option) not in {None, "", "false"}:
                raise errors.bad_request(f"the local cluster does not record times of log lines: omit {option}")
        try:
            tail, limit = (int(query[key]) if query.get(key) else None for key in ("tailLines", "limitBytes"))
        except ValueError as error:
            raise errors.bad_request(f"invalid log option: {error}") from None
        return cls(container, query.get("follow") == "true", tail, limit)


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


async def read_log(path: Path, options: LogOptions, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the log in chunks; a followed log ends once ``ended`` returns True and everything is read."""
    left = options.limit
    with path.open("rb") as file:
        if options.tail is not None:
            file.seek(_tail_offset(path, options.tail))
        while True:
            last_read = not options.follow or ended()
            while chunk := file.read(_CHUNK if left is None else min(_CHUNK, left)):
                left = None if left is None else left - len(chunk)
                yield chunk
            if last_read or left == 0:
                return
            await asyncio.sleep(_POLL_SECONDS)


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
