"""Carries out the split of a rule between two Services, by the acts of the trial's ingress controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.changes.base import Made, Missing, Stage, patch_with_undo
from harness.changes.course import Course
from harness.changes.creation import create_with_undo
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.controllers.sharing import Act, Create, RequestShare, Sharing, SplitRule
from harness.errors import HarnessError
from harness.kube.api import Object
from harness.model.controllers import Aspect


class Splitting:
    """One rule that is split, while it is.

    Args:
        course: The repetition.
        rule: What is split.
        sharing: How the controller does it.
    """

    def __init__(self, course: Course, rule: SplitRule, sharing: Sharing) -> None:
        self.course = course
        self.rule = rule
        self._sharing = sharing
        self._made: list[Made] = []

    @property
    def stage(self) -> Stage:
        """Return where it takes place."""
        return self.course.stage

    def split(self, share: RequestShare) -> Made:
        """Split the rule, or change its shares, with the undo on disk before; returns the last act."""
        if self._made:
            return self._carry_out(self._sharing.alter(self.rule, share))
        made = [self._carry_out(act) for act in self._sharing.begin(self.rule, share)]
        return made[-1]

    def undo(self) -> bool:
        """Undo every act; returns whether nothing is left."""
        order = self._made if self._sharing.undo_forwards else reversed(self._made)
        undone = [self.course.undoes(made.entry) for made in order if made.entry]
        return all(undone)

    def told(self, since: int) -> Missing:
        """Return what the controller has yet to log of what was asked of it at ``since``."""
        stage = self.stage
        aspects = [aspect for aspect in Aspect if stage.ingress_sees(aspect)]
        if not aspects or any(stage.ingress_did(aspect, since) for aspect in aspects):
            return ()
        return ("the ingress controller to take over the new shares",)

    def _carry_out(self, act: Act) -> Made:
        stage, number = self.stage, self.course.number
        if isinstance(act, Create):
            made = create_with_undo(stage, act.manifest, number)
        elif act.created:
            return patched(stage, act.kind, act.name, act.patch, number)
        else:
            made = patch_with_undo(stage, act.kind, act.name, act.patch, "merge", number)
        self._made.append(made)
        return made


def splitting(course: Course, ingress: str, path: str, service: str, candidate: str) -> Splitting:
    """Find a rule and the way in which the trial's controller splits it.

    Args:
        course: The repetition.
        ingress: Name of the Ingress.
        path: The rule's path.
        service: The Service that the rule names.
        candidate: The Service that is to get some of its requests.

    Raises:
        HarnessError: There is no such rule, no controller, or it can't split.
    """
    stage = course.stage
    rule = SplitRule.find(stage.kube.get("Ingress", ingress, stage.namespace), path, service, candidate)
    controller = INGRESS_CONTROLLERS.get(stage.ingress)
    if controller is None:
        known = ", ".join(INGRESS_CONTROLLERS)
        raise HarnessError(f"ingress: {stage.ingress} can't share requests; {known} can.")
    return Splitting(course, rule, controller.sharing)


def patched(stage: Stage, kind: str, name: str, patch: Mapping[str, Any], number: int) -> Made:
    """Patch an object that was created here: its deletion is in the journal already."""
    begun = stage.clock.now()
    target: Object = stage.kube.patch(kind, name, stage.namespace, patch, strategy="merge")
    return Made(number, begun, stage.clock.now(), target=target, detail={"object": f"{kind}/{name}"})
