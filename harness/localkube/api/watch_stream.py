"""Convert the storage's changes to the events of one watch: selectors, initial events, bookmarks, expiry.

An object that stops matching the selector is a DELETED event of the watch; one that begins to match is ADDED.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass

from harness.kube.selectors import SelectorError
from harness.localkube.api import errors
from harness.localkube.api.endpoints import EndpointsReader
from harness.localkube.api.storage import Change, Storage
from harness.localkube.machinery.client import EventType
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import Resource
from harness.localkube.machinery.selectors import Matcher, parse_fields, parse_labels

_INITIAL_END = "k8s.io/initial-events-end"
_BOOKMARK_SECONDS = 60.0
#: Timeout of a watch that sets none, in seconds; a real server picks a time between this and twice as much.
_LONGEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects that a list or watch selects."""

    namespace: str | None
    labels: Matcher
    fields: Matcher

    @classmethod
    def parse(cls, namespace: str | None, name: str, query: Mapping[str, str]) -> Selection:
        """Parse the query; a name in the path selects only that object.

        Raises:
            StatusError: 400 if a selector is invalid.
        """
        fields = query.get("fieldSelector", "")
        if name:
            fields = ",".join(filter(None, (fields, f"metadata.name={name}")))
        try:
            return cls(namespace, parse_labels(query.get("labelSelector", "")), parse_fields(fields))
        except SelectorError as error:
            raise errors.bad_request(str(error)) from None

    def matches(self, obj: Object | None) -> bool:
        """Return True if the object is selected."""
        if obj is None:
            return False
        in_namespace = self.namespace is None or obj["metadata"].get("namespace") == self.namespace
        return in_namespace and self.labels(obj) and self.fields(obj)

    def event(self, change: Change) -> tuple[EventType, Object] | None:
        """Return the event that a change is for this watch; None if it does not concern it."""
        before = self.matches(change.old)
        if change.kind == "DELETED":
            return ("DELETED", change.new) if before else None
        if not self.matches(change.new):
            return ("DELETED", _as_of(change)) if before else None
        return ("MODIFIED" if before else "ADDED", change.new)


def _as_of(change: Change) -> Object:
    """Return the object in its last matching state, with the version of the change that ended the match."""
    old = change.old or change.new
    return {**old, "metadata": {**old["metadata"], "resourceVersion": str(change.version)}}


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The options of a watch.

    Attributes:
        version: Start after this version; None starts with all objects as ADDED.
        bookmarks: True to send BOOKMARK events.
        mark_initial: True to send a bookmark after the initial events.
        seconds: Duration in seconds.
    """

    version: int | None
    bookmarks: bool
    mark_initial: bool
    seconds: float

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> WatchOptions:
        """Parse the query; raise ``StatusError`` 400 if a value is invalid."""
        text = query.get("resourceVersion", "")
        initial = query.get("sendInitialEvents") == "true"
        try:
            version = None if initial or text in {"", "0"} else int(text)
            seconds = float(query.get("timeoutSeconds") or 0) or _LONGEST_SECONDS
        except ValueError as error:
            raise errors.bad_request(f"invalid watch option: {error}") from None
        return cls(version, query.get("allowWatchBookmarks") == "true", initial, seconds)


async def watch(
    storage: Storage | EndpointsReader, resource: Resource, selection: Selection, options: WatchOptions
) -> AsyncGenerator[tuple[str, Object], None]:
    """Yield the events of a watch until its timeout; an expired version yields one ERROR event."""
    loop = asyncio.get_running_loop()
    end = loop.time() + options.seconds
    with storage.subscribe(resource) as changes:
        try:
            past = list(_past(storage, resource, selection, options))
        except errors.StatusError as error:
            yield "ERROR", error.status
            return
        seen = storage.version
        for event in past:
            yield event
        if options.mark_initial:
            yield "BOOKMARK", _bookmark(resource, seen, {_INITIAL_END: "true"})
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, _BOOKMARK_SECONDS)):
                    change = await changes.get()
            except TimeoutError:
                if options.bookmarks:
                    yield "BOOKMARK", _bookmark(resource, storage.version, {})
                continue
            if found := selection.event(change):
                yield found


def _past(
    storage: Storage | EndpointsReader, resource: Resource, selection: Selection, options: WatchOptions
) -> Iterator[tuple[str, Object]]:
    if options.version is None:
        for obj in storage.list(resource, selection.namespace):
            if selection.matches(obj):
                yield "ADDED", obj
        return
    for change in storage.since(resource, options.version):
        if found := selection.event(change):
            yield found


def _bookmark(resource: Resource, version: int, annotations: Mapping[str, str]) -> Object:
    metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
