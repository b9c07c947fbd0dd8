"""Choose the certificate of each host from the Secrets of Ingresses, by ingress-nginx's rules."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.localkube.nginx.install import cache_folder

#: Days that the default certificate is valid, and after which a new one is made.
_VALID_DAYS, _RENEW_DAYS = 365, 300
_DAY_SECONDS = 86400
_NAME = "Kubernetes Ingress Controller Fake Certificate"

#: Stands for the default certificate among the certificates of hosts.
DEFAULT = ""

_log = logging.getLogger(__name__)

Object = Mapping[str, Any]
#: Namespace and name of a Secret.
SecretKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain with its private key.

    Attributes:
        pem: The chain and the key in PEM form.
        names: DNS names in the certificate; its common name if it has none.
    """

    pem: str
    names: tuple[str, ...]

    def covers(self, host: str) -> bool:
        """Return True if the certificate is valid for a host; a wildcard matches exactly one label."""
        wanted = host.lower()
        _, dot, domain = wanted.partition(".")
        return any(name.lower() in {wanted, f"*{dot}{domain}"} for name in self.names)


class CertificateStore:
    """The certificates of Secrets.

    As in ingress-nginx, a Secret whose new value is invalid keeps its last valid certificate, until it is deleted.
    """

    def __init__(self) -> None:
        self._valid: dict[SecretKey, Certificate] = {}

    def read(self, secrets: Iterable[Object]) -> Mapping[SecretKey, Certificate]:
        """Return the certificates of the existing Secrets that have a valid one, or had one."""
        before, self._valid = self._valid, {}
        for secret in secrets:
            key = (secret["metadata"].get("namespace", ""), secret["metadata"]["name"])
            values = secret_values(secret)
            kept = _parse(values.get("tls.crt", b""), values.get("tls.key", b"")) or before.get(key)
            if kept is not None:
                self._valid[key] = kept
        return self._valid


def secret_values(secret: Object) -> dict[str, bytes]:
    """Return the values of a Secret; those of ``stringData`` take precedence."""
    values: dict[str, bytes] = {}
    for name, text in (secret.get("data") or {}).items():
        try:
            values[name] = base64.b64decode(str(text))
        except binascii.Error:
            _log.warning("secret %s: %s is not base64", secret["metadata"]["name"], name)
    return values | {name: str(text).encode() for name, text in (secret.get("stringData") or {}).items()}


def certificates_of(
    ingresses: Sequence[Object],
    hosts: Iterable[str],
    secrets: Mapping[SecretKey, Certificate],
    aliases: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """Return the certificate of each host with TLS in PEM form; ``DEFAULT`` for the default certificate.

    The oldest Ingress of a host that has a ``tls`` section decides about all of its hosts, even those that the section
    does not name.

    Args:
        ingresses: The main Ingresses, the oldest first.
        hosts: The hosts that nginx serves.
        secrets: The certificates by Secret.
        aliases: Further names of hosts; one has TLS only if the certificate of the host is valid for it.
    """
    found: dict[str, str] = {}
    served = set(hosts)
    for ingress in ingresses:
        spec = ingress.get("spec") or {}
        for rule in (spec.get("rules") or []) if spec.get("tls") else []:
            host = rule.get("host") or ""
            if host in served and host not in found:
                certificate = _certificate(ingress, host, secrets)
                found[host] = certificate.pem if certificate else DEFAULT
                covered = [name for name in aliases.get(host, ()) if certificate and certificate.covers(name)]
                found |= dict.fromkeys(covered, found[host])
    return found


def _certificate(ingress: Object, host: str, secrets: Mapping[SecretKey, Certificate]) -> Certificate | None:
    namespace = ingress["metadata"].get("namespace", "")
    entries = ingress["spec"]["tls"]
    named = [
        entry.get("secretName") or ""
        for entry in entries
        if host.lower() in [str(each).lower() for each in entry.get("hosts") or []]
    ]
    # Without an entry for the host, any certificate that is valid for it is used.
    names = named[:1] or [entry.get("secretName") or "" for entry in entries]
    for name in names:
        certificate = secrets.get((namespace, name))
        if certificate is not None and certificate.covers(host):
            return certificate
    _log.warning("ingress %s/%s: %s has the default certificate", namespace, ingress["metadata"]["name"], host)
    return None


def certificate_file(directory: Path) -> Path:
    """Return the path of the default certificate in a folder; write it if it is not there."""
    path = directory / "default-certificate.pem"
    if not path.exists():
        _write(path, default_certificate())
    return path


def default_certificate() -> str:
    """Return the certificate for hosts without their own, with its key, in PEM form.

    One certificate serves all clusters of a user, so that a cluster need not wait until it is made.
    """
    path = cache_folder().with_name("ingress-default-certificate.pem")
    try:
        if time.time() - path.stat().st_mtime < _RENEW_DAYS * _DAY_SECONDS:
            return path.read_text(encoding="ascii")
    except OSError:
        pass  # There is none yet, or it is not ours.
    made = "".join(import_module("harness.localkube.ingress.x509").self_signed(_NAME, ["ingress.local"], _VALID_DAYS))
    with suppress(OSError):  # The next cluster makes another one.
        _write(path, made)
    return made


def _write(path: Path, text: str) -> None:
    """Replace a file that only its owner can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="ascii")
    temporary.replace(path)


@lru_cache(maxsize=256)
def _parse(chain: bytes, private: bytes) -> Certificate | None:
    """Return a certificate with its key; None if one is absent or invalid, or they do not belong together."""
    if not (chain and private):
        return None
    names: tuple[str, ...] | None = import_module("harness.localkube.ingress.x509").names_in(chain, private)
    if names is None:
        _log.warning("a Secret has an invalid certificate or key")
        return None
    return Certificate(f"{chain.decode()}\n{private.decode()}", names)
