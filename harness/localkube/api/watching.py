"""Turns the storage's changes into the events of one watch: selectors, initial events, bookmarks, expiry.

An object that stops matching the selector is a DELETED event for this watch, one that begins to match an ADDED one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass

from harness.kube.selectors import SelectorError
from harness.localkube.api import errors
from harness.localkube.api.storage import Change, Storage
from harness.localkube.machinery.client import EventType
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import Resource
from harness.localkube.machinery.selectors import Matcher, parse_fields, parse_labels

_INITIAL_END = "k8s.io/initial-events-end"
_BOOKMARK_SECONDS = 60.0
#: A watch without a timeout of its own; a real server chooses between this and twice of it.
_LONGEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a list or watch is about."""

    namespace: str | None
    labels: Matcher
    fields: Matcher

    @classmethod
    def parse(cls, namespace: str | None, name: str, query: Mapping[str, str]) -> Selection:
        """From the query; a name in the path selects that object alone. Raises ``StatusError`` 400."""
        fields = query.get("fieldSelector", "")
        if name:
            fields = ",".join(filter(None, (fields, f"metadata.name={name}")))
        try:
            return cls(namespace, parse_labels(query.get("labelSelector", "")), parse_fields(fields))
        except SelectorError as error:
            raise errors.bad_request(str(error)) from None

    def matches(self, obj: Object | None) -> bool:
        """Whether the object is selected."""
        if obj is None:
            return False
        in_namespace = self.namespace is None or obj["metadata"].get("namespace") == self.namespace
        return in_namespace and self.labels(obj) and self.fields(obj)

    def event(self, change: Change) -> tuple[EventType, Object] | None:
        """What the change is to this watch; None if nothing."""
        before = self.matches(change.old)
        if change.kind == "DELETED":
            return ("DELETED", change.new) if before else None
        if not self.matches(change.new):
            return ("DELETED", _as_of(change)) if before else None
        return ("MODIFIED" if before else "ADDED", change.new)


def _as_of(change: Change) -> Object:
    """The object as it was when it still matched, with the version of the change that ended that."""
    old = change.old or change.new
    return {**old, "metadata": {**old["metadata"], "resourceVersion": str(change.version)}}


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch.

    Attributes:
        version: Begin after this; None begins with all objects as ADDED.
        bookmarks: Whether BOOKMARK events are wanted.
        mark_initial: Whether the end of the initial events is to be marked by a bookmark.
        seconds: When to end.
    """

    version: int | None
    bookmarks: bool
    mark_initial: bool
    seconds: float

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> WatchOptions:
        """From the query; raises ``StatusError`` 400."""
        text = query.get("resourceVersion", "")
        initial = query.get("sendInitialEvents") == "true"
        try:
            version = None if initial or text in {"", "0"} else int(text)
            seconds = float(query.get("timeoutSeconds") or 0) or _LONGEST_SECONDS
        except ValueError as error:
            raise errors.bad_request(f"invalid watch option: {error}") from None
        return cls(version, query.get("allowWatchBookmarks") == "true", initial, seconds)


async def watch(
    storage: Storage, resource: Resource, selection: Selection, options: WatchOptions
) -> AsyncGenerator[tuple[str, Object], None]:
    """The events of a watch, until its time is over; an expired version is one ERROR event."""
    loop = asyncio.get_running_loop()
    end = loop.time() + options.seconds
    with storage.watching(resource) as changes:
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
    storage: Storage, resource: Resource, selection: Selection, options: WatchOptions
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
