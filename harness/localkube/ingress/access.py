"""Read the annotations that refuse requests: lists of client addresses and rate limits, each parsed as a group."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.model import LocationSettings, RateLimit

#: Factor of the burst without ``limit-burst-multiplier``.
_BURST = 5
_INTEGER = re.compile(r"[-+]?\d+")


class InvalidListError(ValueError):
    """A list of addresses is empty or contains something else than addresses and networks."""


def networks(text: str) -> tuple[str, ...]:
    """Return the addresses and networks of a list, separated by commas, sorted.

    Raises:
        InvalidListError: One of them is invalid, or there is none.
    """
    found = set()
    for part in text.split(","):
        word = part.strip()
        try:
            if "/" not in word:
                found.add(str(ipaddress.ip_address(word)))
            elif re.search(r"/\d{1,3}$", word):
                found.add(str(ipaddress.ip_network(word, strict=False)))
            else:
                raise InvalidListError(word)
        except ValueError as error:
            raise InvalidListError(word) from error
    return tuple(sorted(found))


def source_lists(ingress: Mapping[str, Any], defaults: LocationSettings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the clients that an Ingress allows and those that it denies; empty for all and for none.

    Args:
        ingress: The Ingress.
        defaults: The settings of an Ingress without annotations.

    Raises:
        InvalidListError: A list is invalid; ingress-nginx then answers every request with 503.
    """
    allowed = _given(ingress, "allowlist-source-range", "whitelist-source-range")
    denied = _given(ingress, "denylist-source-range")
    return (
        defaults.allowed_sources if allowed is None else networks(allowed),
        defaults.denied_sources if denied is None else networks(denied),
    )


def rate_limit_of(ingress: Mapping[str, Any]) -> RateLimit | None:
    """Return the limits of an Ingress; None for none.

    As in ingress-nginx, a value that is no number is ignored, and an invalid ``limit-allowlist`` disables all limits.
    """
    connections, per_second, per_minute = (
        _integer(ingress, name, 0) for name in ("limit-connections", "limit-rps", "limit-rpm")
    )
    exempt = _given(ingress, "limit-allowlist", "limit-whitelist")
    try:
        allowed = networks(exempt) if exempt else ()
    except InvalidListError:
        return None
    if max(connections, per_second, per_minute) <= 0:
        return None
    metadata = ingress["metadata"]
    name = "_".join(str(metadata.get(key, "")) for key in ("namespace", "name", "uid"))
    return RateLimit(
        identifier=base64.urlsafe_b64encode(name.encode()).decode().replace("=", "").replace("-", "_"),
        connections=connections,
        per_second=per_second,
        per_minute=per_minute,
        burst=_integer(ingress, "limit-burst-multiplier", _BURST),
        exempt=allowed,
    )


def _given(ingress: Mapping[str, Any], name: str, alias: str = "") -> str | None:
    """Return the value of an annotation, or of its alias if it is empty; None if neither is given."""
    annotations = ingress["metadata"].get("annotations") or {}
    value = annotations.get(PREFIX + name)
    other = annotations.get(PREFIX + alias)
    chosen = value or other or value
    return None if chosen is None else str(chosen).strip()


def _integer(ingress: Mapping[str, Any], name: str, default: int) -> int:
    value = _given(ingress, name)
    return int(value) if value is not None and _INTEGER.fullmatch(value) else default
