"""Recognise values of annotations and of the controller's ConfigMap that have no effect on requests."""

from __future__ import annotations

import re

from harness.kube.fieldclasses import Harmless, Site
from harness.localkube.ingress.value_rules import FALSE, TRUE

_SIZE = re.compile(r"(\d+)([kKmM]?)")
_UNITS = {"k": 1024, "m": 1024 * 1024}


def text_of(site: Site) -> str:
    """Return the value as text, without white space around it."""
    return str(site.value).strip()


def off(site: Site) -> bool:
    """Accept a switch that is off; ingress-nginx ignores a value that is not a switch."""
    return text_of(site) not in TRUE


def on(site: Site) -> bool:
    """Accept a switch that is on; ingress-nginx ignores a value that is not a switch."""
    return text_of(site) not in FALSE


def not_positive(site: Site) -> bool:
    """Accept a limit of zero; ingress-nginx ignores a value that is not a number."""
    return re.fullmatch(r"\+?0*[1-9]\d*", text_of(site)) is None


def at_least_4k(site: Site) -> bool:
    """Accept a buffer of at least nginx's default size, which is enough for the images' response headers."""
    match = _SIZE.fullmatch(text_of(site))
    return match is not None and int(match[1]) * _UNITS.get(match[2].lower(), 1) >= 4096


def one_of(*texts: str) -> Harmless:
    """Accept these values, in any case."""
    return lambda site: text_of(site).lower() in texts
