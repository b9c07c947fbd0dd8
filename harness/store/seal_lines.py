"""Writes and reads seals as the lines of a file, each of which has the digest of the line before it.

So a line that is missing, changed, repeated or in another place is always noticed. The first line has the digest of a
file that belongs to the sender, so seals of another sender do not fit.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.kit.files import sync_folder

#: The file whose digest the first seal has in place of an earlier line.
ANCHOR = "plan.json"


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
