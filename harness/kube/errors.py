"""What can go wrong between the harness and an API server, told apart by what the caller does about it.

The official client's and the HTTP library's own exceptions end here: everything above meets ``HarnessError`` only,
with the verb, the object and the server's own words.
"""

from __future__ import annotations

from harness.errors import HarnessError


class KubeError(HarnessError):
    """The API server refused a request.

    Args:
        action: What was asked, for people: ``patch Deployment apple in namespace demo``.
        status: HTTP status of the answer; 0 where there was none.
        reason: Kubernetes' machine-readable reason (``NotFound``, ``Invalid``); may be empty.
        message: The server's own words.
    """

    def __init__(self, action: str, status: int, reason: str, message: str, *, hint: str = "") -> None:
        label = f"{status} {reason}".strip()
        super().__init__(f"Could not {action}: {label}: {message}" if message else f"Could not {action}: {label}.")
        self.action = action
        self.status = status
        self.reason = reason
        self.hint = hint


class NotFoundError(KubeError):
    """404: the object, its namespace or its kind is not there."""


class ConflictError(KubeError):
    """409: it exists already, or somebody else changed it in between."""


class RejectedError(KubeError):
    """400 or 422: the server understood the request and found it invalid; a failed JSON patch ``test`` is one."""


class ForbiddenError(KubeError):
    """401 or 403: the credentials in the kubeconfig do not allow it."""


class UnreachableError(KubeError):
    """No answer at all: refused, timed out, or the connection broke. What was asked may or may not have been done."""


class ScopeError(KubeError):
    """A write would not stay in the namespace that it is for; nothing was sent."""


class WatchExpiredError(HarnessError):
    """410: the server no longer has the history since that version; list again."""


class WatchInterruptedError(HarnessError):
    """A watch broke without being stopped; events may have been missed, so list again."""


class KubeconfigError(HarnessError):
    """The kubeconfig can't be read, or has no such context."""


class RolloutStuckError(HarnessError):
    """A Deployment exceeded its progress deadline."""


_BY_STATUS: dict[int, type[KubeError]] = {
    400: RejectedError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: RejectedError,
}


def error_for(action: str, status: int, reason: str, message: str) -> KubeError:
    """The exception for a refused request, by its HTTP status."""
    hint = "Check the user and its roles in the kubeconfig's context." if status in {401, 403} else ""
    return _BY_STATUS.get(status, KubeError)(action, status, reason, message, hint=hint)
