"""What a request is about: path, query and body taken apart, as the real server's RequestInfo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Key, Object
from harness.localkube.machinery.resources import NAMESPACES, RESOURCES, Resource, by_plural

_VERSIONS = {(resource.group, resource.version) for resource in RESOURCES}


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names.

    Attributes:
        resource: The kind of object.
        namespace: Namespace in the path; None for all, or for a resource without namespaces.
        name: Name of the object; empty for the collection.
        subresource: Such as ``status``; empty for the object itself.
    """

    resource: Resource
    namespace: str | None = None
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        """Where the object is stored."""
        return (self.namespace or "", self.name)


def parse_path(path: str) -> Target:
    """The target of an API path.

    Raises:
        StatusError: 404, nothing is served there.
    """
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise errors.unknown_path(path)
    if (group, version) not in _VERSIONS:
        raise errors.unknown_path(path)
    namespace = None
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in NAMESPACES.subresources:
        namespace, rest = rest[1], rest[2:]
    try:
        resource = by_plural(rest[0], group)
    except (KeyError, IndexError):
        raise errors.unknown_path(path) from None
    return _target(path, resource, namespace, rest[1:])


def _target(path: str, resource: Resource, namespace: str | None, rest: list[str]) -> Target:
    name, subresource, *more = [*rest, "", ""][: max(2, len(rest))]
    misplaced = bool(name) and resource.namespaced != (namespace is not None)
    if more or misplaced or (namespace is not None and not resource.namespaced):
        raise errors.unknown_path(path)
    if subresource and subresource not in resource.subresources:
        if resource.plural == "pods":
            raise errors.StatusError(501, "NotImplemented", f"the local cluster has no pods/{subresource}")
        raise errors.unknown_path(path)
    return Target(resource, namespace, name, subresource)


def parse_body(raw: bytes, content_type: str) -> Any:
    """The body of a request; JSON, or YAML where it says so.

    Raises:
        StatusError: 415 for protobuf and the like, 400 for what can't be parsed.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if raw.startswith(b"k8s\0") or "protobuf" in kind or "cbor" in kind:
        raise errors.unsupported_media(
            f"the local cluster reads JSON and YAML bodies, not {kind}, which kubectl sends for what it makes up "
            "by itself; add to the command: --dry-run=client -o yaml | kubectl apply -f -"
        )
    try:
        return _yaml(raw) if "yaml" in kind else json.loads(raw)
    except ValueError as error:
        raise errors.bad_request(f"the body of the request is not valid {kind or 'JSON'}: {error}") from None


def _yaml(raw: bytes) -> Any:
    """Raises ``ValueError``; imported when first used, since a start of the cluster has no need of it."""
    import yaml  # noqa: PLC0415 - see above

    try:
        return yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def as_object(body: Any) -> Object:
    """The body as an object with metadata; raises ``StatusError`` 400 if it is none."""
    if not isinstance(body, dict) or not isinstance(body.setdefault("metadata", {}), dict):
        raise errors.bad_request("the body of the request must be a Kubernetes object")
    return body


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete; None where the client left it to the server.

    Attributes:
        grace_seconds: How long a pod may take.
        propagation: ``Orphan``, ``Background`` or ``Foreground``.
        uid: Delete only the object with this uid.
        version: Delete only this resourceVersion of it.
        dry_run: Change nothing.
    """

    grace_seconds: int | None = None
    propagation: str | None = None
    uid: str | None = None
    version: str | None = None
    dry_run: bool = False

    @classmethod
    def parse(cls, body: Mapping[str, Any], query: Mapping[str, str]) -> DeleteOptions:
        """From the body and the query, which counts where the body says nothing."""
        preconditions = body.get("preconditions") or {}
        grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        propagation = body.get("propagationPolicy", query.get("propagationPolicy"))
        orphan = body.get("orphanDependents", query.get("orphanDependents"))
        if propagation is None and orphan is not None:
            propagation = "Orphan" if str(orphan).lower() == "true" else "Background"
        try:
            seconds = None if grace is None else int(grace)
        except ValueError:
            raise errors.bad_request(f"gracePeriodSeconds must be a number, not {grace!r}") from None
        return cls(
            grace_seconds=seconds,
            propagation=propagation,
            uid=preconditions.get("uid"),
            version=preconditions.get("resourceVersion"),
            dry_run=bool(body.get("dryRun") or query.get("dryRun")),
        )
