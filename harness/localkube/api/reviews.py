"""Access reviews: on a local cluster everybody may do everything, and whoever asks is told so."""

from __future__ import annotations

from typing import Any

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object

#: Where a client asks what it may do itself.
PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def review(body: Any) -> Object:
    """The answer to a SelfSubjectAccessReview; raises ``StatusError`` 400 for what is none."""
    if not isinstance(body, dict) or not isinstance(body.get("spec"), dict):
        raise errors.bad_request("the body of the request must be a SelfSubjectAccessReview")
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": body["spec"],
        "status": {"allowed": True, "reason": "a local cluster lets everybody do everything"},
    }
