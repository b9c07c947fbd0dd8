"""The new selector of a Service, of every change that switches one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.kit.located_yaml import Place
from harness.model.changes import BlueGreen, SelectorPatch
from harness.problem_codes import ProblemCode

NewLabels = Annotated[dict[str, str | None], Field(min_length=1, description="labels that change; `null` removes one")]


def check_selector(spec: SelectorPatch | BlueGreen, place: Place, context: CheckContext) -> Mapping[str, str]:
    """Require a selector that differs from the present one and is not empty. Return it."""
    present = context.objects.selector(spec.service)
    after = spec.selector_after(present)
    if after == present:
        message = f"Service {spec.service} has this selector already: nothing would change"
        context.add(ProblemCode.NO_EFFECT, (*place, "selector"), message)
    elif not after:
        message = f"Service {spec.service} would have no selector: its endpoints would stay as they are"
        context.add(ProblemCode.NO_EFFECT, (*place, "selector"), message, "keep a label, or give it another value")
    return after
