"""Splits the requests of a rule between two Services, with the writes that the ingress controller's package returns."""

from __future__ import annotations

from harness.changes.applied import AppliedChange, create_with_undo, patch_created, patch_with_undo
from harness.changes.context import Missing
from harness.changes.repetition import Repetition
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.controllers.sharing import Act, Create, RequestShare, Sharing, SplitRule
from harness.errors import HarnessError
from harness.model.changes import ChangeSpec
from harness.model.controllers import Aspect


class Splitting:
    """The split of one rule, from its first write to its undo.

    Args:
        repetition: The repetition of the change.
        rule: The rule.
        sharing: The controller's way to split requests.
    """

    def __init__(self, repetition: Repetition[ChangeSpec], rule: SplitRule, sharing: Sharing) -> None:
        self._repetition = repetition
        self.rule = rule
        self._sharing = sharing
        self._applied: list[AppliedChange] = []

    def split(self, share: RequestShare) -> AppliedChange:
        """Split the rule, or change its shares. The undo is on disk before. Return the last write."""
        if self._applied:
            return self._carry_out(self._sharing.alter(self.rule, share))
        made = [self._carry_out(act) for act in self._sharing.begin(self.rule, share)]
        return made[-1]

    def undo(self) -> bool:
        """Undo every write. Return True if nothing of the split is left."""
        order = self._applied if self._sharing.undo_forwards else reversed(self._applied)
        undone = [self._repetition.undo(made.entry) for made in order if made.entry]
        return all(undone)

    def missing(self, since: int) -> Missing:
        """Return what is missing until the controller has applied the writes made at ``since``."""
        context = self._repetition.context
        aspects = [aspect for aspect in Aspect if context.ingress_sees(aspect)]
        if not aspects or any(context.ingress_did(aspect, since) for aspect in aspects):
            return ()
        return ("the ingress controller to apply the new shares",)

    def _carry_out(self, act: Act) -> AppliedChange:
        context = self._repetition.context
        if isinstance(act, Create):
            made = create_with_undo(context, act.manifest)
        elif act.created:
            return patch_created(context, act.kind, act.name, act.patch)
        else:
            made = patch_with_undo(context, act.kind, act.name, act.patch, "merge")
        self._applied.append(made)
        return made


def splitting(repetition: Repetition[ChangeSpec], ingress: str, path: str, service: str, candidate: str) -> Splitting:
    """Return the split of a rule by the trial's ingress controller.

    Args:
        repetition: The repetition of the change.
        ingress: Name of the Ingress.
        path: Path of the rule.
        service: Service in the rule.
        candidate: Service that will get some of its requests.

    Raises:
        HarnessError: There is no such rule, or no controller that can split requests.
    """
    context = repetition.context
    rule = SplitRule.find(context.kube.get("Ingress", ingress, context.namespace), path, service, candidate)
    sharings = {word: known.sharing for word, known in INGRESS_CONTROLLERS.items() if known.sharing is not None}
    if context.ingress not in sharings:
        raise HarnessError(f"ingress: {context.ingress} can't split requests; {', '.join(sharings)} can.")
    return Splitting(repetition, rule, sharings[context.ingress])
