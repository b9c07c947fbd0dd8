"""Splitting the requests of one rule between two Services: what is meant, and the acts that carry it out.

A controller's package says which acts; ``harness.changes.splitting`` carries them out, records and undoes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import HarnessError
from harness.kube.api import Object


@dataclass(frozen=True, slots=True)
class RequestShare:
    """Which requests the second Service gets.

    Attributes:
        by: What decides.
        key: Name of the header or cookie.
        value: Its value.
        weight: Percent, where weights decide.
        sticky: Name of the cookie by which a session stays; empty for none.
    """

    by: Literal["header", "cookie", "weight"] = "weight"
    key: str = ""
    value: str = ""
    weight: int = 0
    sticky: str = ""


@dataclass(frozen=True, slots=True)
class SplitRule:
    """A rule of an Ingress that is split.

    Attributes:
        ingress: Name of the Ingress.
        host: The rule's host; empty for any.
        path: The path entry as it is written in the Ingress.
        service: The Service that it names.
        candidate: The Service that gets some of its requests.
        ingress_class: The Ingress's class; empty for none.
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
            path: The rule's path.
            service: The Service that it names.
            candidate: The Service that is to get some of its requests.

        Raises:
            HarnessError: The Ingress has no such rule.
        """
        ingress = str(found["metadata"]["name"])
        for rule in found["spec"].get("rules") or ():
            for entry in (rule.get("http") or {}).get("paths") or ():
                backend = (entry["backend"].get("service") or {}).get("name")
                if (entry.get("path") or "/") == path and backend == service:
                    kind = str(found["spec"].get("ingressClassName") or "")
                    return cls(ingress, str(rule.get("host") or ""), entry, service, candidate, kind)
        raise HarnessError(f"Ingress {ingress} has no rule with the path {path} that names Service {service}.")


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object; the undo deletes it.

    Attributes:
        manifest: The object, without a namespace.
    """

    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """Patch an object by a JSON merge patch.

    Attributes:
        kind: Kind of the object.
        name: Its name.
        patch: The patch.
        created: Whether an earlier act created the object, so that its deletion is all the undo that is needed.
    """

    kind: str
    name: str
    patch: Mapping[str, Any]
    created: bool = False


Act = Create | Merge


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a controller splits.

    Attributes:
        begin: Returns the acts that split a rule, in their order.
        alter: Returns the act that changes the shares of a rule that is split.
        undo_forwards: Whether acts are undone in the order in which they were made, not backwards. What sends requests
            to the candidate must go first.
    """

    begin: Callable[[SplitRule, RequestShare], tuple[Act, ...]]
    alter: Callable[[SplitRule, RequestShare], Act]
    undo_forwards: bool = False
