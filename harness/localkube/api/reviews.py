"""Answer access reviews: every client of a local cluster may do everything."""

from __future__ import annotations

from typing import Any

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object

#: Path at which a client asks for its own rights.
PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def review(body: Any) -> Object:
    """Answer a SelfSubjectAccessReview; raise ``StatusError`` 400 if the body is not one."""
    if not isinstance(body, dict) or not isinstance(body.get("spec"), dict):
        raise errors.bad_request("the body of the request must be a SelfSubjectAccessReview")
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": body["spec"],
        "status": {"allowed": True, "reason": "a local cluster allows every request"},
    }
