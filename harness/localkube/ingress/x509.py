"""Parse certificates, and make a self-signed one.

A module of its own, because a cluster without TLS need not wait for the import of the cryptography package.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def names_in(chain: bytes, private: bytes) -> tuple[str, ...] | None:
    """Return the DNS names of a certificate, or its common name if it has none.

    Args:
        chain: The certificate, possibly followed by intermediate ones, in PEM form.
        private: Its key in PEM form.

    Returns:
        None if one of them is invalid, or they do not belong together.
    """
    try:
        first = x509.load_pem_x509_certificate(chain)
        key = serialization.load_pem_private_key(private, password=None)
        matches = _encoded(first.public_key()) == _encoded(key.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return _names_of(first) if matches else None


def self_signed(common_name: str, dns_names: Sequence[str], days: int) -> tuple[str, str]:
    """Make a certificate, and return it and its key, each in PEM form.

    Args:
        common_name: Common name of its subject and its issuer.
        dns_names: The names for which it is valid.
        days: Days that it is valid from now on.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in dns_names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def _encoded(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found: list[str] = []
    else:
        found = names.get_values_for_type(x509.DNSName)
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return tuple(found) or tuple(str(each.value) for each in common)
