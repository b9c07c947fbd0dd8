"""Records of failed attempts: what the ledger has of each, for tables and traces.

Times are seconds from the start of the trial's traffic.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TracedReceipt:
    """A receipt of a request: a pod read it, or wrote its answer.

    Attributes:
        pod: The pod.
        what: ``read`` or ``answered``.
        status: HTTP status of the answer; 0 if it was read.
        at: Seconds from the traffic's start; None if the start of the pod's receipts, and so its clock, is missing.
    """

    pod: str
    what: str
    status: int
    at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """An attempt that was lost, or whose outcome is unknown.

    Attributes:
        id: Its ``X-Request-ID`` on the wire.
        method: Its HTTP method.
        path: The key of its route.
        shape: The word of its connection shape.
        outcome: The label of its outcome.
        status: The HTTP status of its answer; 0 if there was no complete answer.
        progress: The stage that it reached: ``not-connected``, ``sent``.
        answer: The beginning of the answer's body; empty if there was none.
        planned: Its planned time.
        sent: Its start; None if unknown.
        done: The time at which its outcome was known; None if unknown.
        connection: The number of its connection; 0 if it had none.
        carried: Number of requests that the connection had carried before.
        opened: Time at which the connection was established; None if unknown.
        closed: Time at which the end of the connection was seen; None if it was not.
        closed_by: The reason of that end: ``peer-fin``; empty if there is none.
        upstream: The pod or address that it was meant for; empty if unknown.
        cause: Code of its cause; empty if unknown.
        receipts: What the pods recorded of it, in order of time.
    """

    id: str
    method: str
    path: str
    shape: str
    outcome: str
    status: int
    progress: str
    answer: str
    planned: float
    sent: float | None
    done: float | None
    connection: int
    carried: int
    opened: float | None
    closed: float | None
    closed_by: str
    upstream: str = ""
    cause: str = ""
    receipts: tuple[TracedReceipt, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedAttempts:
    """The failed attempts of a trial.

    Attributes:
        total: Number of all failed attempts.
        kept: At most 200 of them, ordered by time; each of up to 100 kinds is among them.
    """

    total: int = 0
    kept: tuple[FailedAttempt, ...] = ()
