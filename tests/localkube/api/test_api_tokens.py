"""Tokens of ServiceAccounts: the form and the limits of real ones."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.localkube.api import tokens
from harness.localkube.api.errors import StatusError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCOUNT = {"metadata": {"name": "robot", "namespace": "shop", "uid": "u-1"}}


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def test_a_token_names_its_account_and_its_end() -> None:
    """Three parts; the claims are those of the request."""
    spec = {"audiences": ["shop"], "expirationSeconds": 1200}
    found = tokens.issue(ACCOUNT, {"spec": spec}, NOW)
    claims = claims_of(found["status"]["token"])

    assert found["status"]["token"].count(".") == 2
    assert found["status"]["expirationTimestamp"] == "2026-01-02T03:24:05Z"
    assert claims["sub"] == "system:serviceaccount:shop:robot"
    assert claims["aud"] == ["shop"]
    assert claims["exp"] - claims["iat"] == 1200


def test_an_empty_request_gets_the_defaults() -> None:
    """The token is valid for an hour, for the API server itself."""
    claims = claims_of(tokens.issue(ACCOUNT, {}, NOW)["status"]["token"])

    assert claims["exp"] - claims["iat"] == 3600
    assert claims["aud"] == [tokens.ISSUER]


@pytest.mark.parametrize(
    ("seconds", "message"), [(599, "less than 10 minutes"), (1 << 33, "larger than"), ("x", "less than")]
)
def test_a_duration_out_of_bounds(seconds: object, message: str) -> None:
    """A real server's message says which bound."""
    with pytest.raises(StatusError, match=message) as refused:
        tokens.issue(ACCOUNT, {"spec": {"expirationSeconds": seconds}}, NOW)

    assert refused.value.code == 422
