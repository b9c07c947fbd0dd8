"""Parse a request's path, query and body, as the real server's RequestInfo does."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Key, Object
from harness.localkube.machinery.resources import NAMESPACES, RESOURCES, Resource, by_plural

#: Subresources that real clusters have and that are not served here, with what a user does instead.
_REFUSED: Mapping[tuple[str, str], str] = {
    ("pods", "attach"): "it does not connect to a running process; use kubectl logs -f, or kubectl exec",
    ("pods", "binding"): "its only node takes every pod",
    ("pods", "ephemeralcontainers"): "it adds no container to a running pod; use kubectl exec, or debug --copy-to",
    ("pods", "proxy"): "use kubectl port-forward",
    ("pods", "resize"): "it limits no resources; change the Deployment",
    ("services", "proxy"): "use kubectl port-forward",
}
_VERSIONS = {(resource.group, resource.version) for resource in RESOURCES}


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """The resource and object that a path identifies.

    Attributes:
        resource: The kind of object.
        namespace: Namespace in the path; None for all, or for a cluster-scoped resource.
        name: Name of the object; empty for the collection.
        subresource: Such as ``status``; empty for the object itself.
    """

    resource: Resource
    namespace: str | None = None
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        """Return the key of the object in the storage."""
        return (self.namespace or "", self.name)


def check_sender(host: str, origin: str) -> None:
    """Refuse a request of a page in a browser: the server asks for no login, and can execute programs.

    Args:
        host: The request's ``Host``. A name other than ``localhost`` may be one that a page's owner points at this
            address.
        origin: The request's ``Origin``; empty if it has none, as requests of other programs.

    Raises:
        StatusError: 403.
    """
    if _is_local(host) and (not origin or urlsplit(origin).netloc == host):
        return
    sender = origin or host
    message = f"the embedded cluster refuses requests of web pages ({sender}): use localhost or an IP address"
    raise errors.StatusError(403, "Forbidden", message)


@lru_cache(maxsize=64)
def _is_local(host: str) -> bool:
    """Return True for an address, with or without a port, and for ``localhost``."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"", "localhost"}
    return True


def parse_path(path: str) -> RequestInfo:
    """Parse an API path.

    Raises:
        StatusError: 404 if the path is not served.
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
        resource = by_plural(rest[0], group, version)
    except (KeyError, IndexError):
        raise errors.unknown_path() from None
    return _target(resource, namespace, rest[1:])


def _target(resource: Resource, namespace: str | None, rest: list[str]) -> RequestInfo:
    name, subresource, *more = [*rest, "", ""][: max(2, len(rest))]
    misplaced = bool(name) and resource.namespaced != (namespace is not None)
    if more or misplaced or (namespace is not None and not resource.namespaced):
        raise errors.unknown_path()
    if subresource and subresource not in resource.subresources:
        if why := _REFUSED.get((resource.plural, subresource)):
            message = f"the embedded cluster does not serve {resource.plural}/{subresource}: {why}"
            raise errors.StatusError(501, "NotImplemented", message)
        raise errors.unknown_path()
    return RequestInfo(resource, namespace, name, subresource)


def parse_body(raw: bytes, content_type: str) -> Any:
    """Parse the body of a request as JSON, as protobuf in its envelope, or as YAML if the content type says so.

    Raises:
        StatusError: 415 for other formats, 400 if it cannot be parsed.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if raw.startswith(b"k8s\0"):
        return _protobuf(raw)
    if "protobuf" in kind or "cbor" in kind:
        raise errors.unsupported_media(f"the embedded cluster reads JSON, YAML and protobuf, but not {kind}")
    try:
        return _yaml(raw) if "yaml" in kind else json.loads(raw)
    except ValueError as error:
        raise errors.bad_request(f"the body of the request is not valid {kind or 'JSON'}: {error}") from None


def _protobuf(raw: bytes) -> Any:
    """Decode protobuf; its library is imported on first use, because the start of a cluster does not need it."""
    from harness.localkube.api.protobuf import envelope  # noqa: PLC0415 - see above

    try:
        return envelope.decode(raw)
    except envelope.ProtobufError as error:
        raise errors.bad_request(str(error)) from None


def _yaml(raw: bytes) -> Any:
    """Parse YAML; raise ``ValueError`` if it is invalid.

    The YAML library is imported on first use, because the start of a cluster does not need it.
    """
    import yaml  # noqa: PLC0415 - see above

    try:
        return yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def as_object(body: Any) -> Object:
    """Return the body as an object with metadata; raise ``StatusError`` 400 if it is not an object."""
    if not isinstance(body, dict) or not isinstance(body.setdefault("metadata", {}), dict):
        raise errors.bad_request("the body of the request must be a Kubernetes object")
    return body


def is_dry(query: Mapping[str, str]) -> bool:
    """Return True if a request must not store anything."""
    return query.get("dryRun") == "All"


#: What a deletion may do with dependents; ``nil`` is only named in messages.
_PROPAGATIONS = ("Foreground", "Background", "Orphan", "nil")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """The options of a deletion; None if the client leaves one to the server.

    Attributes:
        grace_seconds: Grace period of a pod.
        propagation: ``Orphan``, ``Background`` or ``Foreground``.
        uid: Delete only the object with this uid.
        version: Delete only this resourceVersion of the object.
        dry_run: Change nothing.
    """

    grace_seconds: int | None = None
    propagation: str | None = None
    uid: str | None = None
    version: str | None = None
    dry_run: bool = False

    @classmethod
    def parse(cls, body: Mapping[str, Any], query: Mapping[str, str]) -> DeleteOptions:
        """Parse the body, or the query if there is no body; raise ``StatusError`` if neither can be read."""
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
