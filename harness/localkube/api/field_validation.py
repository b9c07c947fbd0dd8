"""Reject fields that the API does not know if the client asks for it, as `kubectl apply` does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object


async def check_fields(obj: Object, query: Mapping[str, str]) -> None:
    """Check an object if ``fieldValidation`` is ``Strict``; otherwise do nothing.

    The check runs in a thread, because it imports the models of the official client, which takes a while.

    Raises:
        StatusError: 400, with every unknown field.
    """
    if query.get("fieldValidation") != "Strict":
        return
    problems = await asyncio.to_thread(_problems, obj)
    if problems:
        kind, version = obj.get("kind", ""), str(obj.get("apiVersion", "")).rpartition("/")[2]
        raise errors.bad_request(
            f'{kind} in version "{version}" cannot be handled as a {kind}: strict decoding error: {", ".join(problems)}'
        )


def _problems(obj: Object) -> list[str]:
    from harness.kube import schema  # noqa: PLC0415 - slow to import, and most requests do not need it

    if (str(obj.get("apiVersion")), str(obj.get("kind"))) not in schema.KINDS:
        return []
    return [
        found.message
        if found.kind is schema.ViolationKind.UNKNOWN_FIELD
        else f"{schema.path_text(found.path)}: {found.message}"
        for found in schema.violations(obj)
    ]
