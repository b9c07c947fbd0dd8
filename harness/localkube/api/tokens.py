"""Issue tokens of ServiceAccounts, for programs that want one. Nothing checks them: every client may do everything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from harness.kube.admission.problems import FieldProblem
from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object, timestamp
from harness.localkube.machinery.resources import Resource

ISSUER = "https://kubernetes.default.svc.cluster.local"
#: Seconds that a token is valid unless the request names a number, and the shortest and longest number.
_DEFAULT_SECONDS, _LEAST_SECONDS, _MOST_SECONDS = 3600, 600, 1 << 32
_REQUEST = Resource("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests")
#: The key of this process.
_KEY = secrets.token_bytes(32)


def issue(account: Object, body: Any, now: datetime) -> Object:
    """Return the answer to a TokenRequest: the request with a signed token in its status.

    Args:
        account: The ServiceAccount.
        body: The TokenRequest.
        now: Time of the request, in UTC.

    Raises:
        StatusError: 422 for a duration that a real server refuses.
    """
    spec: Mapping[str, Any] = (body.get("spec") if isinstance(body, dict) else None) or {}
    seconds = spec.get("expirationSeconds") or _DEFAULT_SECONDS
    if problem := _problem(seconds):
        raise errors.invalid(_REQUEST, "", [problem])
    ends = now + timedelta(seconds=int(seconds))
    audiences = list(spec.get("audiences") or [ISSUER])
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {key: account["metadata"][key] for key in ("name", "namespace")},
        "spec": {**spec, "audiences": audiences, "expirationSeconds": int(seconds)},
        "status": {
            "token": _signed(_claims(account, audiences, now, ends)),
            "expirationTimestamp": timestamp(ends),
        },
    }


def _problem(seconds: Any) -> FieldProblem | None:
    """Return the problem of a duration, in a real server's words."""
    why = ""
    if not isinstance(seconds, int) or seconds < _LEAST_SECONDS:
        why = "may not specify a duration less than 10 minutes"
    elif seconds > _MOST_SECONDS:
        why = "may not specify a duration larger than 2^32 seconds"
    return FieldProblem.invalid("spec.expirationSeconds", seconds, why) if why else None


def _claims(account: Object, audiences: list[str], now: datetime, ends: datetime) -> dict[str, Any]:
    metadata = account["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    issued = int(now.timestamp())
    return {
        "aud": audiences,
        "exp": int(ends.timestamp()),
        "iat": issued,
        "iss": ISSUER,
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": metadata["uid"]}},
        "nbf": issued,
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }


def _signed(claims: Mapping[str, Any]) -> str:
    """Return claims as a JSON Web Token (RFC 7519), signed by HMAC with SHA-256."""
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    content = ".".join(map(_encoded, parts))
    return f"{content}.{_encoded(hmac.digest(_KEY, content.encode(), hashlib.sha256))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
