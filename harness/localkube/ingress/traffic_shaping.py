"""Traffic shaping of canaries, and session affinity: the routing rules that Lua receives with the endpoints.

As in ingress-nginx, all of it is part of the backends. Another weight, a new canary Ingress or another cookie closes no
connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class TrafficShaping:
    """The requests that a canary's backend gets; the header precedes the cookie, the cookie the weight.

    Attributes:
        weight: Number of requests out of ``total``, chosen at random for each request.
        total: Total of the weights; at least 100.
        header: Name of the header to check first; empty for none.
        value: Header value that selects the canary. Without a value and a pattern, ``always`` selects it and ``never``
            excludes it.
        pattern: Regular expression of header values that select the canary.
        cookie: Name of the cookie to check next (``always``, ``never``); empty for none.
    """

    weight: int = 0
    total: int = 100
    header: str = ""
    value: str = ""
    pattern: str = ""
    cookie: str = ""


class AffinityMode(StrEnum):
    """The affinity modes, with ingress-nginx's names."""

    #: A hash over the endpoints; a different number of endpoints moves some sessions.
    BALANCED = "balanced"
    #: The same endpoint for as long as it exists.
    PERSISTENT = "persistent"


@dataclass(frozen=True, slots=True)
class Affinity:
    """Session affinity: requests with the same cookie go to the same endpoint.

    Attributes:
        name: Name of the cookie.
        mode: Affinity mode.
        path: Path of the cookie; empty for the path in the Ingress.
        max_age: Lifetime of the cookie in seconds; empty for the browser's session.
        change_on_failure: True if a retry may use another endpoint. The default is False as in ingress-nginx: all
            attempts of a session go to its dead pod.
        locations: ``host/path`` of the Ingress's paths that set the cookie.
    """

    name: str = "INGRESSCOOKIE"
    mode: AffinityMode = AffinityMode.BALANCED
    path: str = ""
    max_age: str = ""
    change_on_failure: bool = False
    locations: tuple[str, ...] = ()
