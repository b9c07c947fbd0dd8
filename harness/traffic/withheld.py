"""Hands secret headers to a traffic process through its environment, since its plan file is evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.errors import HarnessError
from harness.model.experiment import Route, TrafficPlan
from harness.model.secrets import WITHHELD, Secret

#: Environment variable with the secret headers as a JSON object.
VARIABLE = "HARNESS_WITHHELD_HEADERS"


def environment_of(plan: TrafficPlan) -> Mapping[str, str]:
    """Return the environment variables with a plan's secret headers; empty if it has none."""
    secrets = {name: str(value) for route in plan.routes for name, value in route.headers if isinstance(value, Secret)}
    return {VARIABLE: json.dumps(secrets)} if secrets else {}


def reveal(plan: TrafficPlan, environment: Mapping[str, str]) -> TrafficPlan:
    """Return a plan that was read from its file, with its secret headers.

    Args:
        plan: The plan as read.
        environment: Variables of this process.

    Raises:
        HarnessError: The plan has a secret header, and the environment lacks it.
    """
    secrets = json.loads(environment.get(VARIABLE, "{}"))
    return replace(plan, routes=tuple(_revealed(route, secrets) for route in plan.routes))


def _revealed(route: Route, secrets: Mapping[str, str]) -> Route:
    missing = [name for name, value in route.headers if value == WITHHELD and name not in secrets]
    if missing:
        raise HarnessError(
            f"The values of these headers are not in the plan, because they are secret: {', '.join(missing)}.",
            hint="Start the command again with --header.",
        )
    return replace(
        route,
        headers=tuple(
            (name, Secret(secrets[name])) if value == WITHHELD else (name, value) for name, value in route.headers
        ),
    )


def without_secrets(text: str, routes: Iterable[Route]) -> str:
    """Return a text in which the values of secret headers are replaced: some applications repeat them in answers."""
    for value in sorted({v for route in routes for _, v in route.headers if isinstance(v, Secret)}, key=len)[::-1]:
        for part in {value, value.rpartition(" ")[2]}:
            text = text.replace(part, WITHHELD)
    return text
