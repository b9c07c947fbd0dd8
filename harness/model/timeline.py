"""Events of a trial, all on one clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Detail = Mapping[str, str | int | float | bool]


class EventKind(StrEnum):
    """The part of the system that an event is about."""

    PHASE = "phase"
    CHANGE = "change"
    POD = "pod"
    ENDPOINTS = "endpoints"
    INGRESS = "ingress"
    KUBELET = "kubelet"
    NODE = "node"
    TRAFFIC = "traffic"
    WATCH = "watch"
    TARGET = "target"


class Phase(StrEnum):
    """The phases of a trial; ``subject`` of a ``PHASE`` event whose ``what`` is ``begin``."""

    BASELINE = "baseline"
    CHANGE = "change"
    SETTLE = "settle"
    DRAIN = "drain"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a trial.

    Attributes:
        at: Nanoseconds of CLOCK_MONOTONIC on the machine that ran the harness.
        kind: What the event is about.
        subject: The name of the pod, Service, Ingress, phase or change.
        what: What happened to it (``ready``, ``terminating``, ``reload``, ``applied``, ...).
        detail: Further facts; flat, JSON values only.
        exact_ns: Uncertainty of ``at``: the true time lies in ``[at - exact_ns, at]``.
    """

    at: int
    kind: EventKind
    subject: str
    what: str
    detail: Detail = field(default_factory=dict)
    exact_ns: int = 0
