"""Describes how the requests of a rule are split between two Services: the wanted share, and the writes that do it.

A controller's package returns the writes. ``harness.changes.splitting`` carries them out, records and undoes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import HarnessError
from harness.kube.api import Object
from harness.kube.ingresses import class_of, paths_of


@dataclass(frozen=True, slots=True)
class RequestShare:
    """The requests that the second Service gets.

    Attributes:
        by: Criterion that selects them.
        key: Name of the header or cookie.
        value: Value of the header or cookie.
        weight: Share in percent, for the criterion ``weight``.
        sticky: Name of the cookie that makes sessions sticky; empty for none.
    """

    by: Literal["header", "cookie", "weight"] = "weight"
    key: str = ""
    value: str = ""
    weight: int = 0
    sticky: str = ""


@dataclass(frozen=True, slots=True)
class SplitRule:
    """A rule of an Ingress whose requests are split.

    Attributes:
        ingress: Name of the Ingress.
        host: Host of the rule; empty for any.
        path: Path entry of the Ingress.
        service: Service in the path entry.
        candidate: Service that gets some of its requests.
        ingress_class: Class of the Ingress; empty for none.
    """

    ingress: str
    host: str
    path: Mapping[str, Any]
    service: str
    candidate: str
    ingress_class: str

    @property
    def port(self) -> Mapping[str, Any]:
        """Return the port of both Services, ``{number: …}`` or ``{name: …}``."""
        port: Mapping[str, Any] = self.path["backend"]["service"]["port"]
        return port

    @property
    def made(self) -> str:
        """Return the name of the objects that are created for the split."""
        return f"{self.ingress}-canary"

    @classmethod
    def find(cls, found: Object, path: str, service: str, candidate: str) -> SplitRule:
        """Find the rule in an Ingress.

        Args:
            found: The Ingress.
            path: Path of the rule.
            service: Service in the rule.
            candidate: Service that will get some of its requests.

        Raises:
            HarnessError: The Ingress has no such rule.
        """
        ingress = str(found["metadata"]["name"])
        for host, entry in paths_of(found):
            backend = (entry["backend"].get("service") or {}).get("name")
            if (entry.get("path") or "/") == path and backend == service:
                kind = class_of(found)
                return cls(ingress, host, entry, service, candidate, kind)
        raise HarnessError(f"Ingress {ingress} has no rule with the path {path} that names Service {service}.")


@dataclass(frozen=True, slots=True)
class Create:
    """The creation of an object. The undo deletes it.

    Attributes:
        manifest: The object, without a namespace.
    """

    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """A JSON merge patch of an object.

    Attributes:
        kind: Kind of the object.
        name: Its name.
        patch: The patch.
        created: True if an earlier write created the object, so that deleting it is a sufficient undo.
    """

    kind: str
    name: str
    patch: Mapping[str, Any]
    created: bool = False


Act = Create | Merge


@dataclass(frozen=True, slots=True)
class Sharing:
    """The way in which a controller splits requests.

    Attributes:
        begin: Returns the writes that split a rule, in order.
        alter: Returns the write that changes the shares of a split rule.
        undo_forwards: True if writes are undone in the order in which they were made, not in reverse: that order must
            undo the object first that routes requests to the candidate.
    """

    begin: Callable[[SplitRule, RequestShare], tuple[Act, ...]]
    alter: Callable[[SplitRule, RequestShare], Act]
    undo_forwards: bool = False
