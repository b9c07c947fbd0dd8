"""How requests of one rule are shared between two Services: what is meant, whichever controller carries it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.changes.base import Made, Missing, Stage
from harness.changes.course import Course
from harness.errors import HarnessError
from harness.kube.api import Object


@dataclass(frozen=True, slots=True)
class Rule:
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
class Way:
    """A rule of an Ingress that is split.

    Attributes:
        ingress: Name of the Ingress.
        host: The rule's host; empty for any.
        path: The path entry as it is written there.
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
        """The port of both Services, ``{number: …}`` or ``{name: …}``."""
        port: Mapping[str, Any] = self.path["backend"]["service"]["port"]
        return port

    @classmethod
    def find(cls, stage: Stage, ingress: str, path: str, service: str, candidate: str) -> Way:
        """Look it up in the cluster.

        Raises:
            HarnessError: The Ingress has no such rule.
        """
        found = stage.kube.get("Ingress", ingress, stage.namespace)
        for rule in found["spec"].get("rules") or ():
            for entry in (rule.get("http") or {}).get("paths") or ():
                backend = (entry["backend"].get("service") or {}).get("name")
                if (entry.get("path") or "/") == path and backend == service:
                    kind = str(found["spec"].get("ingressClassName") or "")
                    return cls(ingress, str(rule.get("host") or ""), entry, service, candidate, kind)
        raise HarnessError(f"Ingress {ingress} has no rule with the path {path} that names Service {service}.")


class Splitting(ABC):
    """One rule that is split, while it is.

    Args:
        course: The repetition.
        way: What is split.
    """

    def __init__(self, course: Course, way: Way) -> None:
        self.course = course
        self.way = way
        self._made: list[Made] = []

    @property
    def stage(self) -> Stage:
        """Where."""
        return self.course.stage

    def split(self, rule: Rule) -> Made:
        """Split it, or split it anew, its undo on disk before; the last act of what is needed for it."""
        return self._alter(rule) if self._made else self._begin(rule)

    def undo(self) -> bool:
        """Take away what was made for it; whether nothing is left."""
        undone = [self.course.undoes(made.entry) for made in self._way_back() if made.entry]
        return all(undone)

    def told(self, since: int) -> Missing:
        """What the controller has yet to tell of what was asked of it at ``since``."""
        stage = self.stage
        tells = [what for what in ("endpoints", "reload") if stage.ingress_sees(what)]
        if not tells or any(stage.ingress_did(what, since) for what in tells):
            return ()
        return ("the ingress controller to take over the new shares",)

    def keep(self, made: Made) -> Made:
        """Remember what was made, for the undo."""
        self._made.append(made)
        return made

    def _way_back(self) -> Iterable[Made]:
        """What was made, in the order in which it is undone: what sends requests to the candidate goes first."""
        return reversed(self._made)

    @abstractmethod
    def _begin(self, rule: Rule) -> Made:
        """Create what splits."""

    @abstractmethod
    def _alter(self, rule: Rule) -> Made:
        """Change the shares of what splits already."""


def patched(stage: Stage, kind: str, name: str, patch: Mapping[str, Any], number: int) -> Made:
    """Patch an object that was created here: what takes it away is on disk already."""
    begun = stage.clock.now()
    target: Object = stage.kube.patch(kind, name, stage.namespace, patch, strategy="merge")
    return Made(number, begun, stage.clock.now(), target=target, detail={"object": f"{kind}/{name}"})
