"""Defines the facts of a kind of change. No other code decides by the name of a kind.

From the facts follow the rights requested on a user's cluster, the documented Role, the permissions of ``--in-place``,
the order of trials, the suggestions for misspelled names and the tables of the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.controllers import Aspect, controller_facts
from harness.model.rights import Right


class TargetKind(StrEnum):
    """The kind of object that a change affects."""

    NOTHING = "nothing"
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    SERVICE = "Service"
    INGRESS = "Ingress"
    SECRET = "Secret"  # noqa: S105 - a kind of object
    CONTROLLER = "ingress controller"
    NODE = "Node"
    ANYTHING = "whatever the command names"

    @property
    def field(self) -> str:
        """Return the field of a change that names the object; empty if no field does."""
        return "" if self in _UNNAMED else self.value.lower()


#: Kinds of objects that no field names.
_UNNAMED = frozenset({TargetKind.NOTHING, TargetKind.CONTROLLER, TargetKind.ANYTHING})


class FirstTry(StrEnum):
    """The Deployments for which a first Experiment has a change."""

    NEVER = "none"
    EVERY = "every Deployment that gets requests"
    REPLICATED = "those with more than one replica: with one, the answer is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """The permission to make a kind of change on a running application, with its command-line form.

    Attributes:
        usage: Text after ``--change``; empty if the kind is refused.
        shorthand: Field that ``KIND=NUMBER`` sets; empty if there is no such short form.
        refused: Reason why the kind is refused; empty if it is allowed.
    """

    usage: str = ""
    shorthand: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFacts:
    """The facts of one kind of change.

    Attributes:
        summary: Its effect, for the documentation.
        target: The kind of object that it changes.
        others: Further kinds of objects that it can change instead, each with the rights for it.
        observed: Condition under which it counts as made, for the documentation.
        undoable: True if it can be undone.
        undo: What an undo restores, or the reason why there is none.
        in_place: Permission to make it on a running application.
        replaces_pods: True if pods of the target are replaced, so that their start and end decide its duration.
        needs_ingress: True if it changes the behaviour of an ingress controller, so that it has no effect without one.
        awaits_ingress: Part of the configuration whose effect is awaited in the ingress controller's log if no answer
            shows it; None for no part.
        reloads_ingress: True if the ingress controller loads another configuration, so that old workers end.
        splits_requests: True if the controller shares the requests of a rule between two Services.
        rights: Rights of its executor, including the undo but without those for splitting requests.
        aliases: Other names for the kind; a user who writes one gets the kind as suggestion.
        old: Name of the old version in reports.
        new: Name of the new version in reports.
        old_stays: True if the old version may answer during the whole change.
        is_control: True if nothing is changed.
        first_try: The Deployments for which a first Experiment has it.
    """

    summary: str
    target: TargetKind
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
    others: Mapping[TargetKind, tuple[Right, ...]] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[TargetKind, ...]:
        """Return all kinds of objects that it can change; the usual one is first."""
        return (self.target, *self.others)

    def rights_behind(self, controller: str, target: TargetKind | None = None) -> tuple[Right, ...]:
        """Return the rights for this kind.

        Args:
            controller: The ingress controller, by its name.
            target: The kind of the changed object; None for the usual one.
        """
        own = self.rights if target is None else self.others.get(target, self.rights)
        return (*own, *(controller_facts(controller).share_rights if self.splits_requests else ()))
