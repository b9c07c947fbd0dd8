"""What Lua is told beside endpoints: who is a canary and for whom, and which requests stay with whom.

All of it is part of the backends, as in ingress-nginx: another weight, a new canary Ingress or another cookie closes no
connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Shaping:
    """Which requests a canary's backend gets; header before cookie before weight.

    Attributes:
        weight: How many of ``total`` requests, drawn for each request by itself.
        total: What the weight is counted by; never less than 100.
        header: Name of the header that is asked first; empty for none.
        value: The header's value that means yes; with neither this nor a pattern it is ``always``, and ``never`` is no.
        pattern: Regular expression for the same.
        cookie: Name of the cookie asked next (``always``, ``never``); empty for none.
    """

    weight: int = 0
    total: int = 100
    header: str = ""
    value: str = ""
    pattern: str = ""
    cookie: str = ""


class Mode(StrEnum):
    """What a session's cookie is good for, by ingress-nginx's names."""

    #: A hash over the endpoints: another number of them moves some sessions.
    BALANCED = "balanced"
    #: One endpoint for as long as it is there.
    PERSISTENT = "persistent"


@dataclass(frozen=True, slots=True)
class Affinity:
    """Requests with one cookie go to one endpoint.

    Attributes:
        name: Of the cookie.
        mode: What it means.
        path: Path of the cookie; empty for the path in the Ingress.
        max_age: Seconds that the cookie lives; empty for the browser's session.
        change_on_failure: Whether a try after a failed one may leave the endpoint. False by default, as in
            ingress-nginx: all tries of a session go to its dead pod.
        locations: ``host/path`` of the Ingress's paths, in which the cookie is given.
    """

    name: str = "INGRESSCOOKIE"
    mode: Mode = Mode.BALANCED
    path: str = ""
    max_age: str = ""
    change_on_failure: bool = False
    locations: tuple[str, ...] = ()
