"""The facts of a kind of change, from which everything else about it follows.

The rights asked for on somebody's cluster, the documented Role, what ``--in-place`` may do, the order of trials, the
suggestions for misspelled words and the tables of the documentation are derived from these facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.controllers import Aspect, controller_facts
from harness.model.rights import Right


class Target(StrEnum):
    """The kind of object that a change is about."""

    NOTHING = "nothing"
    DEPLOYMENT = "Deployment"
    SERVICE = "Service"
    INGRESS = "Ingress"
    CONTROLLER = "ingress controller"

    @property
    def field(self) -> str:
        """The field of a change that names the object; empty where no field does."""
        return "" if self in {Target.NOTHING, Target.CONTROLLER} else self.value.lower()


class FirstTry(StrEnum):
    """The Deployments for which a first Experiment has a change."""

    NEVER = "none"
    EVERY = "every Deployment that gets requests"
    REPLICATED = "those with more than one replica: with one, the answer is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """The permission to make a kind on an application that runs already, and how to write it.

    Attributes:
        usage: What to write after ``--change``; empty where the kind is refused.
        shorthand: Field that ``KIND=NUMBER`` sets; empty where there is no such short form.
        refused: Why the kind is refused; empty where it is allowed.
    """

    usage: str = ""
    shorthand: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFacts:
    """The facts of one kind of change.

    Attributes:
        summary: What it does, for the documentation.
        target: The kind of object that it changes.
        observed: When it counts as having happened, for the documentation.
        undoable: Whether it can be undone.
        undo: What an undo restores; or why there is none.
        in_place: Whether it can be made on an application that runs already.
        replaces_pods: Whether pods of the target are replaced, so that their start and end decide how long it takes.
        needs_ingress: Whether it changes what an ingress controller does, so that it has no effect without one.
        awaits_ingress: What the ingress controller must be seen to put into effect where no answer shows that traffic
            has followed; None for nothing.
        reloads_ingress: Whether the ingress controller loads another configuration, so that old workers go.
        splits_requests: Whether it shares the requests of a rule between two Services, as the controller does that.
        rights: What its executor asks of the API server, undo included, without what splitting takes.
        aliases: Other names for it, from which a suggestion leads to the kind.
        old: What reports call the version before.
        new: What reports call the version after.
        old_stays: Whether the version before may answer as long as the change lasts.
        is_control: Whether nothing is changed.
        first_try: The Deployments for which a first Experiment of somebody's manifests has it.
    """

    summary: str
    target: Target
    observed: str
    undoable: bool
    undo: str
    in_place: InPlace
    replaces_pods: bool = False
    needs_ingress: bool = False
    awaits_ingress: Aspect | None = None
    reloads_ingress: bool = False
    splits_requests: bool = False
    rights: tuple[Right, ...] = ()
    aliases: tuple[str, ...] = ()
    old: str = "the old version"
    new: str = "the new version"
    old_stays: bool = False
    is_control: bool = False
    first_try: FirstTry = FirstTry.NEVER

    def rights_behind(self, controller: str) -> tuple[Right, ...]:
        """Return what it takes behind an ingress controller, by the controller's word."""
        return (*self.rights, *(controller_facts(controller).share_rights if self.splits_requests else ()))
