"""Decode what clients send: reject values of a wrong type; drop unknown fields, with a warning or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.kube.admission.warnings import warnings
from harness.kube.decoding import DecodeError, decode
from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object

_MODES = ("", "Ignore", "Strict", "Warn")


@dataclass
class FieldValidation:
    """Decodes the objects of one request.

    Attributes:
        mode: The treatment of unknown fields: ``Strict``, ``Warn`` or ``Ignore``.
        trusted: True if the client is a component of the cluster, whose objects need no check.
        said: The warnings for the client.
    """

    mode: str = "Warn"
    trusted: bool = False
    said: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, query: Mapping[str, str], *, trusted: bool) -> FieldValidation:
        """Read the query's ``fieldValidation``; a request that has none gets warnings.

        Raises:
            StatusError: 422, there is no such mode.
        """
        mode = query.get("fieldValidation", "")
        if mode not in _MODES:
            raise errors.invalid_options("Create", "fieldValidation", f'"{mode}"', _MODES)
        return cls(mode or "Warn", trusted)

    def check(self, obj: Object, *, patched: bool = False) -> None:
        """Decode an object in place.

        Args:
            obj: The object that was sent, or that a patch has made.
            patched: True if a patch has made it; then errors are about the patch.

        Raises:
            StatusError: 400 (422 for a patch), a value has a wrong type, or with ``Strict`` a field is unknown.
        """
        if self.trusted:
            return
        try:
            found = decode(obj)
        except DecodeError as error:
            raise _refused(obj, str(error), patched=patched) from None
        problems = [f'unknown field "{path}"' for path in found.unknown]
        if problems and self.mode == "Strict":
            raise _refused(obj, f"strict decoding error: {', '.join(problems)}", patched=patched)
        if self.mode == "Warn":
            self.said += problems

    def look(self, obj: Object) -> None:
        """Add the warnings for an object that was stored."""
        if not self.trusted:
            self.said += warnings(obj)


def _refused(obj: Object, why: str, *, patched: bool) -> errors.StatusError:
    if patched:
        return errors.invalid_patch(why)
    kind, version = obj.get("kind", ""), str(obj.get("apiVersion", "")).rpartition("/")[2]
    return errors.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')
