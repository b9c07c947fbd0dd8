"""Shows the causes of a cell's losses, and the change that prevents them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.causes.attribution import ranked
from harness.causes.registry import explained
from harness.causes.remedies import command, patch_text
from harness.model.causes import Cause
from harness.model.verdict import CellVerdict
from harness.report.blocks import Block, Detail, Lines, Remedy
from harness.wording import count

_AS_ABOVE = "The change above prevents these losses, too."


def causes_in(cell: CellVerdict) -> tuple[Cause, ...]:
    """Return the causes of a cell's losses over all trials, each object's once, with the numbers of its worst trial."""
    found: dict[tuple[str, str], list[Cause]] = {}
    for trial in cell.trials:
        for cause in trial.causes:
            found.setdefault((cause.code, cause.object), []).append(cause)
    return ranked([_added(same) for same in found.values()])


def _added(same: Sequence[Cause]) -> Cause:
    worst = max(same, key=lambda cause: cause.lost)
    return replace(worst, lost=sum(cause.lost for cause in same))


def remedies(cell: CellVerdict) -> Iterator[Block]:
    """Yield a block for each cause, and lines for outputs with little room; a patch is shown once."""
    causes = causes_in(cell)
    shown: set[str] = set()
    for cause in causes:
        sentence, patch = explained(cause), _patch_of(cause)
        repeated, known = patch in shown, patch != ""
        shown |= {patch} if known else set()
        yield Remedy(
            title=title(cause),
            why=sentence.text,
            certainty=cause.certainty.value,
            lost=cause.lost,
            code=cause.code,
            object=cause.object,
            field=cause.remedies[0].field if cause.remedies else cause.field,
            change=_AS_ABOVE if repeated else sentence.advice,
            patch="" if repeated else patch,
            command="" if repeated or not known else command(cause.remedies[0]),
            only_hides=any(remedy.hides for remedy in cause.remedies[:1]),
            detail=Detail.TERMINAL | Detail.PAGE,
        )
    if causes:
        yield Lines(lines=tuple(map(line, causes)), detail=Detail.SUMMARY)


def in_brief(cell: CellVerdict) -> tuple[Block, ...]:
    """Return the causes of a cell that is as expected: one line each, with the patch where a program reads it."""
    causes = causes_in(cell)
    if not causes:
        return ()
    short = tuple(
        f"{title(cause)} ({count(cause.lost)} lost, {cause.certainty}). {explained(cause).advice}" for cause in causes
    )
    return Lines(lines=short, detail=Detail.TERMINAL), Lines(lines=tuple(map(line, causes)), detail=Detail.SUMMARY)


def line(cause: Cause) -> str:
    """Return a cause with what to change in one line."""
    sentence = explained(cause)
    hides = " (this only hides the losses)" if any(remedy.hides for remedy in cause.remedies[:1]) else ""
    patch = f" {command(cause.remedies[0])}{hides}" if cause.remedies else ""
    return f"cause {cause.code} ({cause.certainty}, {count(cause.lost)} lost): {sentence.text} {sentence.advice}{patch}"


def title(cause: Cause) -> str:
    """Return the code of a cause as words."""
    return cause.code.replace("-", " ").capitalize()


def _patch_of(cause: Cause) -> str:
    return patch_text(cause.remedies[0]) if cause.remedies else ""
