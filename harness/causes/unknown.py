"""The losses that no other rule explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from harness.analysis.facts import losses_by_label
from harness.causes.cause_type import CauseType
from harness.causes.context import LossContext
from harness.causes.loss import Loss
from harness.findings.finding_type import Sentence
from harness.model.causes import Certainty
from harness.wording import plural


@dataclass(frozen=True, kw_only=True)
class Unexplained(CauseType, code="unexplained", certainty=Certainty.UNKNOWN):
    """No rule explains the loss.

    Attributes:
        lost: Number of such requests.
        classes: These requests by outcome, as text.
        logged: Number of them that the access log has.
        error: Reason why no rule could be applied; None if they were.
    """

    lost: int
    classes: str
    logged: int
    error: str | None = None

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True: it comes last."""
        del loss, context
        return True

    @classmethod
    def subject(cls, loss: Loss, context: LossContext) -> str:
        """Return nothing: all of them are one."""
        del loss, context
        return ""

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        del subject
        labels = losses_by_label(context.facts.outcome[[loss.row for loss in losses]])
        return cls(
            lost=len(losses),
            classes=", ".join(f"{label} {n}" for label, n in labels.items()),
            logged=sum(loss.tries is not None for loss in losses),
        )

    def sentence(self) -> Sentence:
        """Return text and advice."""
        if self.error:
            return Sentence(
                f"The causes of {plural(self.lost, 'loss', 'losses')} ({self.classes}) could not be found: "
                f"{self.error}.",
                "This is a fault of the harness; the verdict does not depend on causes.",
            )
        return Sentence(
            f"No rule explains {plural(self.lost, 'loss', 'losses')}: {self.classes}; the access log has "
            f"{self.logged} of them.",
            "`harness explain DIR --attempt ID` shows what is known of each.",
        )
