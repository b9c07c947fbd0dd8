"""Build the ``Status`` objects that the API server answers on errors, with a real server's messages."""

from __future__ import annotations

from collections.abc import Sequence

from harness.kube.admission.problems import FieldProblem
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import Resource


class StatusError(Exception):
    """A rejected request; ``status`` is the ``Status`` object to answer."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            "details": details or {},
            "code": code,
        }


def _details(resource: Resource, name: str) -> Object:
    full = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in full.items() if value}


def not_found(resource: Resource, name: str) -> StatusError:
    """Return the error for an object that does not exist."""
    return StatusError(404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name))


def unknown_path() -> StatusError:
    """Return the error for a resource that is not served."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> StatusError:
    """Return the error for a name that is in use."""
    message = f'{resource.qualified} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: Resource, name: str, why: str, *, own: bool = False) -> StatusError:
    """Return the error for an object that another client has changed.

    ``own`` names the kind as the message of a precondition does.
    """
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'Operation cannot be fulfilled on {kind if own else resource.qualified} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(resource, name))


def modified(resource: Resource, name: str) -> StatusError:
    """Return the error for a resourceVersion that is not the current one."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def apply_conflict(found: Sequence[tuple[str, str]]) -> StatusError:
    """Refuse a manifest that changes fields of other managers.

    Args:
        found: The manager and the path of each such field.
    """
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, path in found
    ]
    if len(found) == 1:
        message = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {found[0][1]}"
    else:
        parts = []
        for manager in sorted({manager for manager, _ in found}):
            parts += [f"conflicts with {manager}:", *(f"- {path}" for owner, path in found if owner == manager)]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(parts)
    return StatusError(409, "Conflict", message, {"causes": causes})


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[Object] = ()) -> StatusError:
    """Return the error for a forbidden request; controllers read the reasons of its causes."""
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    details = _details(resource, name) | ({"causes": list(causes)} if causes else {})
    return StatusError(403, "Forbidden", message, details)


def too_many_evictions(cause: str, *, retry_after: int = 0) -> StatusError:
    """Refuse an eviction that a PodDisruptionBudget does not allow now.

    Args:
        cause: What the budget needs.
        retry_after: Seconds after which the client should try again; 0 to leave that to the client.
    """
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return StatusError(429, "TooManyRequests", message, details)


def invalid(resource: Resource, name: str, problems: Sequence[FieldProblem]) -> StatusError:
    """Return the error for an object with invalid fields; it lists all of them."""
    texts = [str(problem) for problem in problems]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    causes = [{"reason": p.reason, "message": p.message, "field": p.field} for p in problems]
    details = _details(resource, name) | {"kind": resource.kind, "causes": causes}
    return StatusError(422, "Invalid", f'{kind} "{name}" is invalid: {listed}', details)


def bad_request(message: str) -> StatusError:
    """Return the error for a malformed request."""
    return StatusError(400, "BadRequest", message)


def invalid_patch(why: str) -> StatusError:
    """Refuse a patch that makes no object of the kind; the real message has the whole object in the middle."""
    text = f'Invalid value: "<patch>": {why}'
    causes = [{"reason": "FieldValueInvalid", "message": text, "field": "patch"}]
    return StatusError(422, "Invalid", f' "" is invalid: patch: {text}', {"causes": causes})


def invalid_options(verb: str, field: str, shown: str, allowed: Sequence[str] = (), why: str = "") -> StatusError:
    """Refuse a parameter of a request.

    Args:
        verb: ``Create``, ``Update``, ``Patch`` or ``Delete``.
        field: Its name.
        shown: Its value, in JSON; empty where it is missing.
        allowed: The values that it may have, where those are few.
        why: What is wrong with it otherwise.
    """
    listed = ", ".join(f'"{value}"' for value in allowed)
    reason, text = "FieldValueInvalid", f"Invalid value: {shown}: {why}"
    if allowed:
        reason, text = "FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {listed}"
    elif not shown:
        reason, text = "FieldValueRequired", f"Required value: {why}"
    causes = [{"reason": reason, "message": text, "field": field}]
    kind = f"{verb}Options"
    details = {"group": "meta.k8s.io", "kind": kind, "causes": causes}
    return StatusError(422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {field}: {text}', details)


def server_error(message: str) -> StatusError:
    """Fail as a real server does where it has no better word: code 500, no reason."""
    return StatusError(500, "", message)


def rejected() -> StatusError:
    """Refuse a JSON patch that does not fit the object."""
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request")


def not_allowed(method: str) -> StatusError:
    """Return the error for a method that the path does not support."""
    del method
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message)


def unsupported_media(message: str) -> StatusError:
    """Return the error for a body in a format that this server does not parse."""
    return StatusError(415, "UnsupportedMediaType", message)


def expired(version: int, oldest: int) -> StatusError:
    """Return the error for a watch from a version that is no longer in the history."""
    return StatusError(410, "Expired", f"too old resource version: {version} ({oldest})")


def success(resource: Resource, name: str, uid: str) -> Object:
    """Return the ``Status`` that answers a deletion."""
    details = _details(resource, name) | {"uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
