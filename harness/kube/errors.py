"""The errors of requests to an API server, with a class for each reaction of a caller.

Exceptions of the official client and of the HTTP library are converted to these. Each is a ``HarnessError`` with the
verb, the object and the server's message.
"""

from __future__ import annotations

from harness.errors import HarnessError


class KubeError(HarnessError):
    """A request that failed: the API server refused it or did not answer, or it was not sent.

    Args:
        action: The request, for people: ``patch Deployment apple in namespace demo``.
        status: HTTP status of the answer; 0 if there was none.
        reason: Kubernetes' machine-readable reason (``NotFound``, ``Invalid``); may be empty.
        message: The server's message, or the reason why there is no answer; kept as the attribute ``answer``.
    """

    def __init__(self, action: str, status: int, reason: str, message: str, *, hint: str = "") -> None:
        label = f"{status} {reason}".strip()
        super().__init__(f"Could not {action}: {label}: {message}" if message else f"Could not {action}: {label}.")
        self.action = action
        self.status = status
        self.reason = reason
        self.answer = message
        self.hint = hint


class NotFoundError(KubeError):
    """404: the object, its namespace or its kind does not exist."""


class ConflictError(KubeError):
    """409: the object exists already, or was changed by somebody else in the meantime."""


class RejectedError(KubeError):
    """400 or 422: the server understood the request and found it invalid. A failed JSON patch ``test`` is one."""


class EvictionRefusedError(KubeError):
    """429 with a cause: a PodDisruptionBudget allows no eviction now. The cause is the message."""


class ForbiddenError(KubeError):
    """401 or 403: the credentials in the kubeconfig do not allow it."""


class UnreachableError(KubeError):
    """No answer: connection refused, timed out or broken. The request may or may not have been carried out."""


class ScopeError(KubeError):
    """A write would leave its namespace; nothing was sent."""


class WatchExpiredError(HarnessError):
    """410: the server no longer has the history since that version. List again."""


class WatchInterruptedError(HarnessError):
    """A watch broke without being stopped. Events may have been missed, so list again."""


class KubeconfigError(HarnessError):
    """The kubeconfig can't be used: it is unreadable, has no such context, or its credentials fail."""


class RolloutStuckError(HarnessError):
    """A rollout that exceeded its progress deadline, or whose pods cannot become ready."""


_BY_STATUS: dict[int, type[KubeError]] = {
    400: RejectedError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: RejectedError,
}


def error_for(action: str, status: int, reason: str, message: str) -> KubeError:
    """Return the exception for the HTTP status of a refused request."""
    hint = "Check the user of the kubeconfig's context, and the roles of this user." if status in {401, 403} else ""
    return _BY_STATUS.get(status, KubeError)(action, status, reason, message, hint=hint)
