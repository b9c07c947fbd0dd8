"""Causes outside the application and its routing: the machine had no processor time, or a node was not well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from harness.analysis.thresholds import STALL_MEDIAN_MS
from harness.causes.cause_type import CauseType
from harness.causes.context import LossContext
from harness.causes.loss import Loss, Sign
from harness.findings.finding_type import Sentence
from harness.model.causes import Certainty

#: The sender was starved around a loss if half of the requests within so many seconds left late.
_AROUND_S = 0.5


class Surrounding(CauseType):
    """The common part: not the application's fault."""

    @classmethod
    def subject(cls, loss: Loss, context: LossContext) -> str:
        """Return nothing: all of them are one."""
        del loss, context
        return ""


@dataclass(frozen=True, kw_only=True)
class SenderStarved(Surrounding, code="sender-starved", certainty=Certainty.LIKELY, needs=Sign.SILENT):
    """The sending machine had no processor time around the loss, so the loss may be its own.

    Attributes:
        late_ms: Median lateness of the requests around the loss, milliseconds.
    """

    late_ms: float

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a request timed out while requests left late."""
        return loss.is_silent and _late_around(loss, context) > STALL_MEDIAN_MS.value

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        del subject
        return cls(late_ms=round(max(_late_around(loss, context) for loss in losses), 1))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"The sending machine had no processor time: requests around the losses left {self.late_ms:.0f} ms late.",
            "This is not the application's fault: run again on a machine with free processors.",
        )


def _late_around(loss: Loss, context: LossContext) -> float:
    """Return the median lateness of the requests that were due within 0.5 s of a lost one, milliseconds."""
    sent, late = context.sending
    first, last = np.searchsorted(sent, (loss.sent - _AROUND_S, loss.sent + _AROUND_S))
    return float(np.median(late[first:last])) if last > first else 0.0


def _unwell_at(context: LossContext, loss: Loss) -> set[str]:
    """Return the nodes that became unwell within 10 s before a lost request was sent, or within 1 s after."""
    return {node for at, node in context.unwell if at - 1.0 <= loss.sent <= at + 10.0}


@dataclass(frozen=True, kw_only=True)
class NodeWasUnwell(Surrounding, code="node-unwell", certainty=Certainty.LIKELY, needs=Sign.UNWELL_NODE):
    """A node of the cluster lacked a resource or was not ready around the loss.

    Attributes:
        nodes: The nodes, as text.
    """

    nodes: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a node became unwell around the loss."""
        return bool(_unwell_at(context, loss))

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the names of the nodes."""
        del subject
        return cls(nodes=", ".join(sorted(set().union(*(_unwell_at(context, loss) for loss in losses)))))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"A node was not well around the losses: {self.nodes}.",
            "This is not the application's fault: see the node's conditions, and run again.",
        )
