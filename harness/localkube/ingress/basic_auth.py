"""Read the annotations of basic authentication and the Secret with its users, as ingress-nginx does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.model import BasicAuth

#: Values of Secrets, by namespace and name.
Secrets = Mapping[tuple[str, str], Mapping[str, bytes]]


class AuthDeniedError(ValueError):
    """The type, the Secret or its content is wrong; ingress-nginx then answers every request with 503."""


def basic_auth_of(ingress: Mapping[str, Any], secrets: Secrets) -> BasicAuth | None:
    """Return the authentication of an Ingress; None for none.

    Raises:
        AuthDeniedError: The annotations ask for an authentication that is not possible.
    """
    annotations = ingress["metadata"].get("annotations") or {}
    kind, form, realm = (
        str(annotations.get(f"{PREFIX}auth-{name}", "")).strip() for name in ("type", "secret-type", "realm")
    )
    if not kind:
        return None
    if kind != "basic":
        raise AuthDeniedError(kind)
    values = secrets.get(secret_key(ingress) or ("", ""))
    if values is None:
        raise AuthDeniedError("the Secret does not exist")
    if form in {"", "auth-file"} and "auth" in values:
        return BasicAuth(realm, values["auth"])
    if form == "auth-map":
        users = [name.encode() + b":" + password for name, password in sorted(values.items())]
        return BasicAuth(realm, b"".join(user + b"\n" for user in users))
    raise AuthDeniedError("the Secret has no users")


def secret_key(ingress: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return namespace and name of the Secret with the users; None if there is none."""
    metadata = ingress["metadata"]
    text = str((metadata.get("annotations") or {}).get(f"{PREFIX}auth-secret", "")).strip()
    namespace, slash, name = text.partition("/")
    if not slash:
        return (metadata.get("namespace", ""), text) if text else None
    return (namespace or metadata.get("namespace", ""), name) if name and "/" not in name else None
