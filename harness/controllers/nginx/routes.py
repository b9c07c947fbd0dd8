"""Routing rules of ingress-nginx: canary Ingresses, and paths that are regular expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.controllers.base import Headers, Routes
from harness.controllers.headers import lowered
from harness.model.annotations import NGINX
from harness.model.experiment import Manifest

_CANARY = f"{NGINX}canary"
_REGEX = (f"{NGINX}rewrite-target", f"{NGINX}use-regex")


def is_canary(ingress: Manifest) -> bool:
    """Return True if an Ingress adds no rule, but takes requests from another's."""
    return _annotations(ingress).get(_CANARY) == "true"


def canary_takes(ingress: Manifest, headers: Headers) -> bool:
    """Return True if a canary certainly takes a request, by header or cookie. A weight is never certain."""
    notes, given = _annotations(ingress), lowered(headers)
    if name := notes.get(f"{_CANARY}-by-header"):
        value = given.get(str(name).lower())
        wanted = str(notes.get(f"{_CANARY}-by-header-value") or "always")
        if value is not None and value == wanted:
            return True
        if value == "never":
            return False
    cookie = notes.get(f"{_CANARY}-by-cookie")
    return bool(cookie) and _cookies(given).get(str(cookie)) == "always"


def is_regex(ingress: Manifest) -> bool:
    """Return True if the paths of an Ingress are regular expressions."""
    return any(_annotations(ingress).get(name) for name in _REGEX)


def aliases(ingress: Manifest) -> list[str]:
    """Return the further hosts of each rule of an Ingress that has a host."""
    written = str(_annotations(ingress).get(f"{NGINX}server-alias") or "")
    return [alias.strip() for alias in written.split(",") if alias.strip()]


def _annotations(ingress: Manifest) -> Mapping[str, Any]:
    return (ingress.get("metadata") or {}).get("annotations") or {}


def _cookies(given: Mapping[str, str]) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in given.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


ROUTES = Routes(is_share=is_canary, share_takes=canary_takes, is_regex=is_regex, aliases=aliases)
