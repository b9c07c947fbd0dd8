"""Defines the base class of all causes: code, certainty, check, sentence, object, field and remedy."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

from harness.causes.context import LossContext, Moment
from harness.causes.loss import Loss, Sign
from harness.findings.finding_type import Numbered, Sentence
from harness.model.causes import Cause, Certainty, Happening, Offset, RemedyPatch
from harness.model.experiment import Manifest

#: Examples kept of each cause.
EXAMPLES = 3


class CauseType(Numbered, ABC):
    """A kind of cause; its instances carry the numbers of one occurrence as typed fields.

    A subclass is a frozen dataclass. It names its code and certainty as class arguments::

        @dataclass(frozen=True, kw_only=True)
        class HookFailed(CauseType, code="hook-failed", certainty=Certainty.CERTAIN):

    The registry asks the types in turn; the first whose ``explains`` returns True takes the loss.

    Class arguments:
        code: Code in ``verdict.json``.
        certainty: Certainty of the cause.
        needs: Signs without which it never explains a loss; those of the base class if it names none.
    """

    code: ClassVar[str] = ""
    certainty: ClassVar[Certainty]
    needs: ClassVar[Sign] = Sign(0)

    def __init_subclass__(
        cls, *, code: str = "", certainty: Certainty | None = None, needs: Sign | None = None
    ) -> None:
        """Take the class arguments.

        Raises:
            TypeError: A code comes without a certainty, or a certainty without a code.
        """
        super().__init_subclass__()
        if bool(code) != (certainty is not None):
            raise TypeError(f"{cls.__name__} needs both a code and a certainty.")
        if certainty is not None:
            cls.code, cls.certainty = code, certainty
        if needs is not None:
            cls.needs = needs

    @classmethod
    @abstractmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if this is the cause of a loss."""

    @classmethod
    def subject(cls, loss: Loss, context: LossContext) -> str:
        """Return the name by which losses of one cause are counted apart: a Deployment, a Service, or nothing."""
        del context
        return loss.pod.deployment if loss.pod is not None else loss.service

    @classmethod
    @abstractmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause of some losses with one subject."""

    @abstractmethod
    def sentence(self) -> Sentence:
        """Return the cause as text, with what to change as advice."""

    def place(self) -> tuple[str, str]:
        """Return the object that causes the losses and the path of its field; both may be empty."""
        return "", ""

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return the changes that prevent the losses, the best first."""
        del found, context
        return ()

    @classmethod
    def record(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Cause:
        """Return the cause of some losses in the form of ``verdict.json``."""
        found = cls.of(subject, losses, context)
        thing, field = found.place()
        return Cause(
            code=cls.code,
            certainty=cls.certainty,
            lost=len(losses),
            numbers=found.numbers(),
            object=thing,
            field=field,
            offsets=offsets_of(losses, context),
            pods=tuple(sorted({loss.pod.name for loss in losses if loss.pod is not None})),
            examples=tuple(loss.id for loss in losses[:EXAMPLES]),
            remedies=cls.remedies(found, context),
        )


def manifest_of(context: LossContext, kind: str, name: str) -> Manifest | None:
    """Return an object of the workload; None if it is not in the manifests."""
    return context.objects.find(kind, name)


def patched(
    context: LossContext, kind: str, name: str, make: Callable[[Manifest], RemedyPatch]
) -> tuple[RemedyPatch, ...]:
    """Return the remedy that ``make`` derives from an object of the workload; none if it is not in the manifests."""
    manifest = manifest_of(context, kind, name)
    return () if manifest is None else (make(manifest),)


def nearest(loss: Loss, context: LossContext) -> dict[Happening, tuple[float, Moment]]:
    """Return the nearest event of each kind around a loss with its signed offset in milliseconds.

    The offset is the sent time minus the time of the event.
    """
    found: dict[Happening, tuple[float, Moment]] = {}
    for moment in context.moments(loss.pod, loss.service):
        offset = (loss.sent - moment.at) * 1000
        if moment.what not in found or abs(offset) < abs(found[moment.what][0]):
            found[moment.what] = (offset, moment)
    return found


def offsets_of(losses: Sequence[Loss], context: LossContext) -> tuple[Offset, ...]:
    """Return the offsets of the first and the last of some losses, for each kind of event around both."""
    first, last = nearest(losses[0], context), nearest(losses[-1], context)
    return tuple(
        Offset(what, round(first[what][0], 1), round(last[what][0], 1), first[what][1].derived)
        for what in Happening
        if what in first and what in last
    )


def needed_seconds(losses: Sequence[Loss]) -> float:
    """Return the longest time after the start of a pod's end at which a request was sent to it, seconds."""
    late = [loss.sent - loss.pod.stopping for loss in losses if loss.pod and loss.pod.stopping is not None]
    return round(max([0.0, *(each for each in late if math.isfinite(each))]), 3)
