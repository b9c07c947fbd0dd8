"""Describe a small cluster when a test stops waiting for it, so that a failure explains itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import aiohttp

from harness.localkube.machinery.client import ApiClient, ApiError
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import DEPLOYMENTS, EVENTS, PODS, REPLICASETS, SERVICES, Resource

#: Seconds that a test waits for a condition. It only ends what hangs: a busy machine may take minutes.
PATIENCE = 180.0

#: Characters of a log's end, and of one object's status.
_LONGEST_LOG, _LONGEST_STATUS = 2000, 1200
#: Seconds to list the objects of a cluster that may no longer answer.
_LIST_SECONDS = 30.0
_SHOWN = (DEPLOYMENTS, REPLICASETS, SERVICES, PODS, EVENTS)


def shown(obj: Object) -> str:
    """Return one object as a line: its name, its deletion, and its status; an Event by its reason and message."""
    metadata = obj["metadata"]
    name = f"{obj.get('kind', '')} {metadata.get('namespace', '')}/{metadata['name']}"
    if "involvedObject" in obj:
        about = obj["involvedObject"]
        return f"{obj['reason']} of {about['kind']} {about['name']} (x{obj.get('count', 1)}): {obj.get('message', '')}"
    gone = f", deleted at {metadata['deletionTimestamp']}" if "deletionTimestamp" in metadata else ""
    return f"{name}{gone}, status {obj.get('status')}"[:_LONGEST_STATUS]


async def cluster_report(
    client: ApiClient, folder: Path, components: Sequence[asyncio.Task[None]], *more: Resource
) -> str:
    """Return the objects of a cluster, the ends of its components, and the ends of the logs in its folder.

    Args:
        client: The client of its API.
        folder: The folder of the cluster.
        components: The tasks of its components, each of which should still run.
        more: Further kinds of objects to list.
    """
    lines = [f"{task.get_name()} has ended: {_end(task)}" for task in components if task.done()]
    for resource in dict.fromkeys((*_SHOWN, *more)):
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                objects, _ = await client.list(resource)
        except (ApiError, aiohttp.ClientError, OSError, TimeoutError) as error:
            lines.append(f"{resource.plural}: cannot be listed: {error!r}")
        else:
            lines += [f"{resource.plural}:", *(f"  {shown(each)}" for each in objects)]
    return "\n".join([*lines, *_logs(folder)])


def _end(task: asyncio.Task[None]) -> str:
    return "cancelled" if task.cancelled() else repr(task.exception())


def _logs(folder: Path) -> Iterator[str]:
    for path in sorted((folder / "logs").rglob("*")):
        if path.is_file():
            yield f"{path.relative_to(folder)}:"
            yield path.read_text(errors="replace")[-_LONGEST_LOG:].rstrip()
