"""The parts of TLS that several tests need: the context of a client, and a Secret with a certificate."""

from __future__ import annotations

import base64
import ssl
from typing import Any

import trustme


def careless() -> ssl.SSLContext:
    """Return a client's context that accepts any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def secret(authority: trustme.CA, *hosts: str, name: str = "shop-tls", **values: bytes) -> dict[str, Any]:
    """Build a Secret with a certificate for these hosts; ``crt`` and ``key`` replace its values."""
    made = authority.issue_cert(*hosts)
    chain = b"".join(each.bytes() for each in made.cert_chain_pems)
    parts = {"tls.crt": values.get("crt", chain), "tls.key": values.get("key", made.private_key_pem.bytes())}
    return {
        "metadata": {"name": name},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in parts.items()},
    }
