"""Record Kubernetes Events, as kubelet and controllers do for users and observers."""

from __future__ import annotations

import logging
import secrets

import aiohttp

from harness.localkube.machinery.client import ApiClient, ApiError
from harness.localkube.machinery.objects import Object, micro_timestamp, reference_to, timestamp
from harness.localkube.machinery.resources import EVENTS

_log = logging.getLogger(__name__)

#: Identity of an event, by which repetitions are counted: uid of the object, type, reason, message.
_EventKey = tuple[str, str, str, str]


class EventRecorder:
    """Writes Events about objects; a repeated event increments the count of the first, as in a real cluster.

    A failed write is logged and otherwise ignored, because no component may stop for lack of an Event.
    """

    def __init__(self, client: ApiClient, component: str) -> None:
        self._client = client
        self._component = component
        self._written: dict[_EventKey, tuple[str, int]] = {}

    async def event(self, obj: Object, kind: str, reason: str, message: str) -> None:
        """Record an event about an object.

        Args:
            obj: The object; needs apiVersion, kind and metadata.
            kind: ``Normal`` or ``Warning``.
            reason: CamelCase word, such as ``Killing``.
            message: Sentence for users.
        """
        namespace = obj["metadata"].get("namespace") or "default"
        same = (obj["metadata"].get("uid", ""), kind, reason, message)
        try:
            if same in self._written:
                await self._repeat(same, namespace)
            else:
                name = f"{obj['metadata']['name']}.{secrets.token_hex(8)}"
                self._written[same] = (name, 1)
                body = event_body(self._component, obj, name, kind=kind, reason=reason, message=message)
                await self._client.create(EVENTS, body, namespace)
        except (ApiError, aiohttp.ClientError, OSError, TimeoutError) as error:
            _log.warning("cannot record event %s for %s: %r", reason, obj["metadata"]["name"], error)

    async def _repeat(self, same: _EventKey, namespace: str) -> None:
        name, count = self._written[same]
        self._written[same] = (name, count + 1)
        seen = {"count": count + 1, "lastTimestamp": timestamp()}
        await self._client.patch(EVENTS, name, namespace, seen)


def event_body(component: str, obj: Object, name: str, *, kind: str, reason: str, message: str) -> Object:
    """Return a new Event.

    Args:
        component: Component that reports it.
        obj: Object that it is about; needs apiVersion, kind and metadata.
        name: Name of the Event object.
        kind: ``Normal`` or ``Warning``.
        reason: CamelCase word.
        message: Sentence for users.
    """
    now = timestamp()
    return {
        "metadata": {"name": name},
        "involvedObject": reference_to(obj),
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": component,
        "action": reason,
        "eventTime": micro_timestamp(),
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
