"""Checks an object as an API server would when it is created."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from harness.kube.admission.defaults import apply_defaults, drop_nulls
from harness.kube.admission.objects import validate
from harness.kube.admission.problems import FieldProblem
from harness.kube.selectors import SelectorError


def refusals(manifest: Mapping[str, Any]) -> list[FieldProblem]:
    """Return all reasons for which a server would refuse an object, apart from violations of its schema.

    Args:
        manifest: The object, of a known kind; it is not changed. ``harness.kube.schema`` reports values of a wrong
            type. If one of them prevents the check, the list is empty.
    """
    obj = deepcopy(dict(manifest))
    drop_nulls(obj)
    for part in ("metadata", "spec"):
        obj.setdefault(part, {})
    try:
        apply_defaults(obj)
        return validate(obj)
    except SelectorError as error:
        return [FieldProblem("spec.selector", "FieldValueInvalid", str(error))]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
