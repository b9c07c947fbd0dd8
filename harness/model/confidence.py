"""Records of what a number of transitions allows to claim."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transitions:
    """The transitions of a change: its repetitions whose effect was observed.

    Requests are lost together in a transition, so a transition is the unit of chance, not a request.

    Attributes:
        count: Number of transitions.
        lossy: Number of those in which a request was lost.
    """

    count: int = 0
    lossy: int = 0

    def __add__(self, other: Transitions) -> Transitions:
        """Return the transitions of both."""
        return Transitions(self.count + other.count, self.lossy + other.lossy)


@dataclass(frozen=True, slots=True)
class CellCount:
    """The transitions of a cell over all rounds.

    Attributes:
        cell: Its id.
        transitions: Its transitions in conclusive rounds.
        at_most: Upper bound of the probability that a transition is lossy; it holds at every look.
        is_reached: True if the bound is below the requested one.
    """

    cell: str
    transitions: Transitions
    at_most: float
    is_reached: bool


@dataclass(frozen=True, slots=True)
class Confidence:
    """The claim that a cell's transitions allow.

    Attributes:
        transitions: Number of transitions.
        lossy: Number of lossy ones.
        level: Confidence of the bound, 0 to 1.
        at_most: Upper bound of the probability that a transition is lossy (Clopper-Pearson, one-sided).
        further: Number of further lossless transitions that allow the next claim; 0 if one was lossy.
        one_in: The next claim: less than one lossy transition in so many; 0 if there is none.
    """

    transitions: int = 0
    lossy: int = 0
    level: float = 0.95
    at_most: float = 1.0
    further: int = 0
    one_in: int = 0
