"""Rates of traffic: one constant rate, or several legs one after the other.

This module is apart from the schedule because Experiments, reports and the judge use rates as well.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leg:
    """A period in which the rate is constant or changes linearly.

    Attributes:
        start: Attempts per second at its start.
        end: Attempts per second at its end; equal to ``start`` for a constant rate.
        seconds: Its duration.
    """

    start: float
    end: float
    seconds: float


#: Attempts per second: constant, or leg by leg. The end rate of the last leg holds from then on.
Rate = float | tuple[Leg, ...]


def lowest_rate(rate: Rate) -> float:
    """Return the lowest attempts per second."""
    return rate if isinstance(rate, int | float) else min(min(leg.start, leg.end) for leg in rate)


def highest_rate(rate: Rate) -> float:
    """Return the highest attempts per second."""
    return rate if isinstance(rate, int | float) else max(max(leg.start, leg.end) for leg in rate)


def rate_at(rate: Rate, seconds: float) -> float:
    """Return the attempts per second at a time, in seconds from the start."""
    if isinstance(rate, int | float):
        return rate
    for leg in rate:
        if seconds < leg.seconds:
            return leg.start + (leg.end - leg.start) * max(0.0, seconds) / leg.seconds
        seconds -= leg.seconds
    return rate[-1].end


def scaled(rate: Rate, factor: float) -> Rate:
    """Return the rate multiplied by a factor."""
    if isinstance(rate, int | float):
        return rate * factor
    return tuple(Leg(leg.start * factor, leg.end * factor, leg.seconds) for leg in rate)


def rate_text(rate: Rate) -> str:
    """Return a rate as text: ``200/s``, ``50/s to 500/s in 30 s``, ``100/s for 10 s, then 300/s``."""
    if isinstance(rate, int | float):
        return f"{rate:g}/s"
    *before, last = rate
    words = [f"{_leg_text(leg)} {'for' if leg.start == leg.end else 'in'} {leg.seconds:g} s" for leg in before]
    end = _leg_text(last) if last.start == last.end else f"{_leg_text(last)} in {last.seconds:g} s"
    return ", then ".join([*words, end])


def _leg_text(leg: Leg) -> str:
    return f"{leg.start:g}/s" if leg.start == leg.end else f"{leg.start:g}/s to {leg.end:g}/s"
