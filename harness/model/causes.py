"""Records of the causes of lost requests, as stored in ``verdict.json``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Certainty(StrEnum):
    """The certainty of a cause.

    ``CERTAIN``: the evidence leaves no other cause. ``LIKELY``: the cause fits, and so might a rarer one.
    ``POSSIBLE``: the cause fits, but nothing in the evidence shows it. ``UNKNOWN``: no rule fits.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


class Happening(StrEnum):
    """The kinds of events around a loss."""

    CHANGE_APPLIED = "change-applied"
    POD_DELETED = "pod-deleted"
    HOOK_FAILED = "hook-failed"
    SIGTERM = "sigterm"
    LISTENER_CLOSED = "listener-closed"
    SIGKILL = "sigkill"
    NETWORK_REMOVED = "network-removed"
    POD_READY = "pod-ready"
    ENDPOINT_MARKED = "endpoint-marked"
    SERVICE_EMPTY = "service-empty"
    SERVICE_FILLED = "service-filled"
    INGRESS_SYNCED = "ingress-synced"
    WORKER_UPDATED = "worker-updated"
    RELOAD = "reload"
    KUBE_PROXY_PROGRAMMED = "kube-proxy-programmed"


@dataclass(frozen=True, slots=True)
class Offset:
    """The times of some lost requests relative to the nearest event of a kind.

    Attributes:
        event: Kind of the event.
        first_ms: Sent time minus time of the event for the first of these requests, milliseconds; negative if the
            request was sent before the event.
        last_ms: The same for the last of these requests.
        derived: True if the event was not observed, but follows from others.
    """

    event: Happening
    first_ms: float
    last_ms: float
    derived: bool = False


@dataclass(frozen=True, slots=True)
class RemedyPatch:
    """A change of an object that prevents losses.

    Attributes:
        object: ``KIND/NAME`` of the object.
        field: Path of the field that decides.
        patch: Strategic merge patch of the object; empty if no field helps.
        diff: The object's spec before and after, as a unified diff; empty without a patch.
        hides: True if it only hides losses from clients.
        namespace: Namespace of the object; empty for that of the workload.
    """

    object: str
    field: str
    patch: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    diff: str = ""
    hides: bool = False
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of some lost requests of a trial or a cell.

    Attributes:
        code: Code of its type; ``harness.causes`` has each type's check and sentence.
        certainty: Certainty of the cause.
        lost: Number of requests lost by it.
        numbers: Its numbers and names (flat: JSON values only).
        object: ``KIND/NAME`` of the object that caused it; empty if none is known.
        field: Path of the field in it; empty if no field decides.
        offsets: Times of the losses relative to the events around them.
        pods: Pods for which the requests were meant.
        examples: Ids of some of the lost requests, as in the access log.
        remedies: Changes that prevent the losses, the best first; empty if none is known.
    """

    code: str
    certainty: Certainty
    lost: int
    numbers: Mapping[str, str | int | float | bool] = dataclasses.field(default_factory=dict)
    object: str = ""
    field: str = ""
    offsets: tuple[Offset, ...] = ()
    pods: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    remedies: tuple[RemedyPatch, ...] = ()
