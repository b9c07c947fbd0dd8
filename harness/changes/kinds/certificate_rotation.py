"""A rotation of the certificate that an ingress controller serves."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Mapping

from harness.changes.applied import AppliedChange, patch_with_undo
from harness.changes.context import Missing
from harness.changes.repetition import Repetition
from harness.errors import HarnessError
from harness.kube.api import Object
from harness.localkube.ingress.x509 import names_in, self_signed
from harness.model.changes import CertificateRotation
from harness.model.events import ChangeEvent, ServedCertificate

#: Connections in a row that must get a certificate: a controller may have several pods and workers.
_IN_A_ROW = 10
#: Days that a new certificate is valid.
_VALID_DAYS = 30
_CHAIN, _KEY = "tls.crt", "tls.key"
_MS = 1_000_000


def carry_out(repetition: Repetition[CertificateRotation]) -> bool:
    """Replace certificate and key in the Secret.

    The rotation is observed when several new connections in a row got the new certificate; the first of them is an
    event of its own. Connections that were open before keep the old certificate.
    """
    spec, context = repetition.spec, repetition.context
    secret = context.kube.get("Secret", spec.secret, context.namespace)
    old, new = _data(secret), _next(repetition, secret)
    served, back = _Served(repetition, new, spec.source or spec.secret), _Served(repetition, old, spec.secret)

    def make() -> AppliedChange:
        return patch_with_undo(context, "Secret", spec.secret, {"data": {**new}}, "merge")

    def missing(applied: AppliedChange) -> Missing:
        return served.missing(applied.begun)

    def missing_after_undo(_applied: AppliedChange, _begun: int) -> Missing:
        return back.missing(None)

    return repetition.act(make, missing, missing_after_undo)


class _Served:
    """The connections in a row that got a certificate.

    Args:
        repetition: The repetition.
        data: Certificate and key, as in a Secret.
        source: Name of the Secret that they come from, for errors.
    """

    def __init__(self, repetition: Repetition[CertificateRotation], data: Mapping[str, str], source: str) -> None:
        self._repetition = repetition
        self._wanted = _first_der(base64.b64decode(data[_CHAIN]), source)
        self._row = 0
        self._is_recorded = False

    def missing(self, begun: int | None) -> Missing:
        """Open one connection, and return what is missing until enough in a row got the certificate.

        Args:
            begun: Time of the request to the API server, to record the first connection; None records nothing.
        """
        context = self._repetition.context
        got = context.certificate_of(self._repetition.spec.host) == self._wanted
        self._row = self._row + 1 if got else 0
        if got and begun is not None and not self._is_recorded:
            self._is_recorded = True
            fingerprint = hashlib.sha256(self._wanted).hexdigest()[:16]
            ms = (context.clock.now() - begun) // _MS
            self._repetition.record(ChangeEvent.CERTIFICATE_SERVED, ServedCertificate(sha256=fingerprint, ms=ms))
        left = _IN_A_ROW - self._row
        return (f"{left} more new connections in a row with the certificate",) if left > 0 else ()


def _next(repetition: Repetition[CertificateRotation], secret: Object) -> Mapping[str, str]:
    """Return the new certificate and its key: those of another Secret, or new ones for the same names."""
    spec, context = repetition.spec, repetition.context
    if spec.source:
        return _data(context.kube.get("Secret", spec.source, context.namespace))
    chain, key = (base64.b64decode(_data(secret)[name]) for name in (_CHAIN, _KEY))
    names = names_in(chain, key)
    if not names:
        raise HarnessError(f"Secret {spec.secret} has no valid certificate with its key, so no new one can be made.")
    made, its_key = self_signed(names[0], names, _VALID_DAYS)
    return {_CHAIN: _encoded(made), _KEY: _encoded(its_key)}


def _data(secret: Object) -> Mapping[str, str]:
    """Return certificate and key of a Secret, in base64.

    Raises:
        HarnessError: One of them is absent.
    """
    data = secret.get("data") or {}
    if not (data.get(_CHAIN) and data.get(_KEY)):
        raise HarnessError(f"Secret {secret['metadata']['name']} lacks {_CHAIN} or {_KEY}.")
    return {name: str(data[name]) for name in (_CHAIN, _KEY)}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _first_der(chain: bytes, source: str) -> bytes:
    """Return the first certificate of a chain in DER form; ``source`` is the name of its Secret.

    Raises:
        HarnessError: It has none, or one that is not base64.
    """
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    _, there, rest = chain.partition(begin)
    body, closed, _ = rest.partition(end)
    if not (there and closed):
        raise HarnessError(f"{_CHAIN} of Secret {source} has no certificate in PEM form.")
    try:
        return ssl.PEM_cert_to_DER_cert((begin + body + end).decode())
    except ValueError as error:
        raise HarnessError(f"The first certificate in {_CHAIN} of Secret {source} can't be decoded: {error}.") from None
