"""Answer reviews of rights and identity: every client of a local cluster may do everything, without a login."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import REVIEWS

#: The user as whom a real server treats clients without a login.
_USER = {"username": "system:anonymous", "groups": ["system:unauthenticated"]}
_EVERYTHING: Object = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


def _access(body: Object) -> Object:
    if not isinstance(body.get("spec"), dict):
        raise errors.bad_request("the body of the request must be a SelfSubjectAccessReview")
    return {"allowed": True, "reason": "a local cluster allows every request"}


def _rules(_body: Object) -> Object:
    return _EVERYTHING


def _identity(_body: Object) -> Object:
    return {"userInfo": _USER}


#: The status of each review, by its kind.
_STATUS: Mapping[str, Callable[[Object], Object]] = {
    "SelfSubjectAccessReview": _access,
    "SelfSubjectReview": _identity,
    "SelfSubjectRulesReview": _rules,
}
_BY_PATH = {resource.collection(): resource for resource in REVIEWS}


def is_review(path: str) -> bool:
    """Return True for the path of a review."""
    return path in _BY_PATH


def review(path: str, body: Any) -> Object:
    """Answer the review that a client posts to a path; raise ``StatusError`` 400 if the body is not one."""
    resource = _BY_PATH[path]
    if not isinstance(body, dict):
        raise errors.bad_request(f"the body of the request must be a {resource.kind}")
    return {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {},
        **({"spec": body["spec"]} if "spec" in body else {}),
        "status": _STATUS[resource.kind](body),
    }
