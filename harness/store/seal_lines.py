"""Writes and reads seals as the lines of a file, each of which has the digest of the line before it.

So a line that is missing, changed, repeated or in another place is always noticed. The first line has the digest of a
file that belongs to the sender, so seals of another sender do not fit.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from harness.kit.files import digest_of, sync_folder

#: The file whose digest the first seal has in place of an earlier line.
ANCHOR = "plan.json"


class Seal(Protocol):
    """A seal that was read from its line."""

    @property
    def previous(self) -> str:
        """Return the digest of the line before it."""

    @property
    def digest(self) -> str:
        """Return the digest of its own line."""


S = TypeVar("S", bound=Seal)
S_contra = TypeVar("S_contra", bound=Seal, contravariant=True)


class WhyNot(Protocol[S_contra]):
    """Returns why a seal can't come after those before it; empty if it can.

    ``follows`` is True if the seal has the digest of the line before it.
    """

    def __call__(self, before: Sequence[S_contra], seal: S_contra, *, follows: bool) -> str:
        """Return the reason."""


def signed_line(fields: Mapping[str, Any]) -> bytes:
    """Return the line of a seal; it ends with the digest of its other fields."""
    return _line({**fields, "seal": hashlib.sha256(_line(fields)).hexdigest()})


def fields_of(line: bytes, version: int) -> dict[str, Any]:
    """Return the fields of a seal, without its own digest.

    Raises:
        ValueError: The line is no JSON, of another version, or not as it was written.
        KeyError: A field is missing.
    """
    fields: dict[str, Any] = json.loads(line)
    own = fields.pop("seal")
    if fields["version"] != version:
        raise ValueError(f"version {fields['version']} is unknown")
    if hashlib.sha256(_line(fields)).hexdigest() != own:
        raise ValueError("it was changed")
    return fields


def read_chain(
    path: Path, parsed: Callable[[bytes], S], why_not: WhyNot[S], name: Callable[[int], str]
) -> tuple[list[S], list[str]]:
    """Return the seals of a file that follow each other from the first one on, and what is wrong with the next one.

    A last line without its end is a seal that was never written.

    Args:
        path: The file; it need not exist.
        parsed: Returns the seal in a line; raises what ``fields_of`` raises.
        why_not: Returns why a seal can't come after those before it.
        name: Returns the name of the seal at a place, for messages.
    """
    found = list[S]()
    if not path.exists():
        return found, []
    anchor = path.parent / ANCHOR
    previous = digest_of(anchor) if anchor.exists() else ""
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            seal = parsed(line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return found, [f"{path.name}: {name(len(found))} is damaged: {error}"]
        if reason := why_not(found, seal, follows=seal.previous == previous):
            return found, [f"{path.name}: {reason}"]
        found.append(seal)
        previous = seal.digest
    return found, []


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a file and flush it to disk. Take the line back if that fails, so that no half seal stays.

    Raises:
        OSError: It can't be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        try:
            rest = line
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
            if not end:
                sync_folder(path.parent)
        except OSError:
            os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True).encode() + b"\n"
