"""The destination of attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.traffic.http.endpoint_choice import EndpointChoice
from harness.traffic.http.tls import TlsPeer


@dataclass(frozen=True, slots=True)
class Destination:
    """A resolved address, and how to speak to it.

    Attributes:
        family: Address family, as the ``socket`` module has it.
        address: The address, as the ``socket`` module takes it.
        tls: The settings of TLS; None for plain HTTP.
        choice: Chooses another address for each connection; None takes ``address`` for all.
    """

    family: int
    address: tuple[Any, ...]
    tls: TlsPeer | None = None
    choice: EndpointChoice | None = None
