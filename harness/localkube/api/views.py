"""Encode objects in the form that a client requests: whole, as rows of a table, or only their metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.localkube.api.conversion import to_served
from harness.localkube.api.tables import Include, partial, table
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import Resource

Form = Literal["object", "table", "partial"]


def encode(body: Any) -> bytes:
    """Encode a body as compact JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class View:
    """The form that a client requests in its Accept header."""

    form: Form = "object"
    include: Include = "Metadata"

    @classmethod
    def parse(cls, accept: str, query: Mapping[str, str]) -> View:
        """Parse the first supported form of the header; protobuf is answered as JSON, which clients accept."""
        wanted = query.get("includeObject")
        include: Include = "None" if wanted == "None" else "Object" if wanted == "Object" else "Metadata"
        for entry in accept.split(","):
            parameters = entry.replace(" ", "").split(";")
            if "as=Table" in parameters:
                return cls("table", include)
            if "as=PartialObjectMetadata" in parameters or "as=PartialObjectMetadataList" in parameters:
                return cls("partial")
            if parameters[0] in {"application/json", "*/*"}:
                break
        return cls()

    def one(self, resource: Resource, obj: Object) -> Object:
        """Return one object in this form."""
        if self.form == "table":
            return table(resource, [obj], _version(obj), self.include, headed=True)
        return partial(obj) if self.form == "partial" else to_served(resource, obj)

    def many(self, resource: Resource, objects: Sequence[Object], version: str) -> Object:
        """Return a list in this form; its items have neither kind nor apiVersion, as on a real server."""
        if self.form == "table":
            return table(resource, objects, version, self.include, headed=True)
        metadata = {"resourceVersion": version}
        if self.form == "partial":
            form = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return {**form, "metadata": metadata, "items": [partial(obj) for obj in objects]}
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": metadata,
            "items": [_untyped(to_served(resource, obj)) for obj in objects],
        }

    def event(self, resource: Resource, kind: str, obj: Object, *, first: bool) -> bytes:
        """Return one line of a watch; the first event of a table includes the column definitions."""
        shown = obj
        if kind in {"ADDED", "MODIFIED", "DELETED"}:
            if self.form == "table":
                shown = table(resource, [obj], _version(obj), self.include, headed=first)
            else:
                shown = self.one(resource, obj)
        return encode({"type": kind, "object": shown}) + b"\n"


def _version(obj: Object) -> str:
    """Return the resourceVersion; empty for the new object of a dry run."""
    return str(obj["metadata"].get("resourceVersion", ""))


def _untyped(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}}
