"""Makes one Experiment of two, so that the cells of both run alternately in the same minutes on the same machine."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from harness.errors import InvalidInputError, Problem
from harness.model.comparison import AFTER, BEFORE
from harness.model.experiment import Cell, Experiment

#: The axis that tells the sides apart.
_AXIS = "side"


def joined(before: Experiment, after: Experiment, *, trials: int, only: Container[str] | None = None) -> Experiment:
    """Return an Experiment with the cells of both, each cell next to its counterpart.

    Args:
        before: The first side.
        after: The second side.
        trials: Number of trials per cell.
        only: Ids of the cells to take, with their controls; None takes all.

    Raises:
        InvalidInputError: The two differ in more than their workloads and changes.
    """
    check_alike(before, after)
    pairs: dict[str, list[Cell]] = {}
    for side, experiment in ((BEFORE, before), (AFTER, after)):
        for cell in _chosen(experiment, only):
            axes = ((_AXIS, side), *cell.configuration.axes)
            pairs.setdefault(cell.id, []).append(replace(cell, configuration=replace(cell.configuration, axes=axes)))
    return replace(
        after,
        cells=tuple(cell for pair in pairs.values() for cell in pair),
        trials=trials,
        files=tuple(dict.fromkeys((*before.files, *after.files))),
        inert=tuple(dict.fromkeys((*before.inert, *after.inert))),
        assumed=tuple(dict.fromkeys((*before.assumed, *after.assumed))),
        notices=tuple(dict.fromkeys((*before.notices, *after.notices))),
        stand_ins=tuple(dict.fromkeys((*before.stand_ins, *after.stand_ins))),
        commands=tuple(dict.fromkeys((*before.commands, *after.commands))),
    )


def check_alike(before: Experiment, after: Experiment) -> None:
    """Check that both sides get the same traffic in the same way.

    Raises:
        InvalidInputError: They do not, or they have no cell in common.
    """
    differing = [
        word
        for word, is_same in (
            ("traffic", before.traffic == after.traffic),
            ("ingress controller", before.ingress == after.ingress),
            ("entry", before.entry == after.entry),
        )
        if not is_same
    ]
    if differing:
        hint = "compare runs of the same traffic; `harness migrate` compares ingress controllers"
        raise InvalidInputError([Problem(f"the two sides differ in: {', '.join(differing)}", hint=hint)])
    if not {cell.id for cell in before.cells} & {cell.id for cell in after.cells}:
        hint = "configurations and changes of both need the same names"
        raise InvalidInputError([Problem("the two sides have no cell in common", hint=hint)])


def _chosen(experiment: Experiment, only: Container[str] | None) -> tuple[Cell, ...]:
    if only is None:
        return experiment.cells
    names = {cell.configuration.name for cell in experiment.cells if cell.id in only}
    return tuple(
        cell
        for cell in experiment.cells
        if cell.id in only or (cell.change.facts.is_control and cell.configuration.name in names)
    )
