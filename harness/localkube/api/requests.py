"""What a request is about: path, query and body taken apart, as the real server's RequestInfo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Key, Object
from harness.localkube.machinery.resources import NAMESPACES, RESOURCES, Resource, by_plural

#: Subresources of pods that real clusters have and that are not served here.
_POD_SUBRESOURCES = frozenset({"attach", "binding", "ephemeralcontainers", "exec", "portforward", "proxy", "resize"})
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
            raise errors.unknown_path()
    if (group, version) not in _VERSIONS:
        raise errors.unknown_path()
    namespace = None
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in NAMESPACES.subresources:
        namespace, rest = rest[1], rest[2:]
    try:
        resource = by_plural(rest[0], group)
    except (KeyError, IndexError):
        raise errors.unknown_path() from None
    return _target(resource, namespace, rest[1:])


def _target(resource: Resource, namespace: str | None, rest: list[str]) -> Target:
    name, subresource, *more = [*rest, "", ""][: max(2, len(rest))]
    misplaced = bool(name) and resource.namespaced != (namespace is not None)
    if more or misplaced or (namespace is not None and not resource.namespaced):
        raise errors.unknown_path()
    if subresource and subresource not in resource.subresources:
        if resource.plural == "pods" and subresource in _POD_SUBRESOURCES:
            raise errors.StatusError(501, "NotImplemented", f"the embedded cluster does not serve pods/{subresource}")
        raise errors.unknown_path()
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


#: What a deletion may do with dependents; ``nil`` is only named in messages.
_PROPAGATIONS = ("Foreground", "Background", "Orphan", "nil")


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
        """Read the body, or the query where there is no body; raises ``StatusError`` for what can't be read."""
        preconditions = body.get("preconditions") or {}
        options = body or query  # A real server reads no query where there is a body.
        grace = options.get("gracePeriodSeconds")
        propagation = options.get("propagationPolicy")
        orphan = options.get("orphanDependents")
        if isinstance(grace, str) and body:
            field = "DeleteOptions.gracePeriodSeconds of type int64"
            raise errors.server_error(f"json: cannot unmarshal string into Go struct field {field}")
        if orphan is not None and propagation is not None:
            why = "orphanDependents and deletionPropagation cannot be both set"
            raise errors.invalid_options("Delete", "propagationPolicy", f'"{propagation}"', why=why)
        if propagation is not None and propagation not in _PROPAGATIONS[:3]:
            raise errors.invalid_options("Delete", "propagationPolicy", f'"{propagation}"', _PROPAGATIONS)
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
            dry_run=bool(options.get("dryRun")),
        )
