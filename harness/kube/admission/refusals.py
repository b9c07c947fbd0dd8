"""What a server would refuse in an object that it has not seen yet."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from harness.kube.admission.defaults import apply_defaults, drop_nulls
from harness.kube.admission.objects import validate
from harness.kube.admission.problems import FieldProblem
from harness.kube.selectors import SelectorError


def refusals(manifest: Mapping[str, Any]) -> list[FieldProblem]:
    """All reasons for which a server would refuse an object, beside those that its schema tells.

    Args:
        manifest: The object, of a known kind; it is left as it is. Values of a type that its schema does not have are
            to be told by ``harness.kube.schema``: with one of them in the way, nothing is said here.
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
