"""Checks that versions which answer at the same time can be recognised by what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from harness.experiment.changes.context import CheckContext
from harness.experiment.naming import texts_of
from harness.experiment.problems import listed
from harness.kit.located_yaml import Place
from harness.model.experiment import Route


def check_distinguishable(routes: Iterable[Route], answer: str, place: Place, context: CheckContext) -> None:
    """Require the old version's answers on each route, which must not be the new one's too."""
    for route in routes:
        if not route.answers:
            message = f"{route.key} has no answers: nobody could tell the versions apart on it"
            hint = f"give its path in traffic the old version's: {{path: {route.path}, answers: …}}"
            context.problems.add(place, message, hint)
        elif any(fnmatchcase(known, answer) or fnmatchcase(answer, known) for known in route.answers):
            message = f"{answer!r} is an answer of the old version on {route.key} too: it tells nothing"
            context.problems.add((*place, "answer"), message)


def check_leads_to(services: Sequence[str], routes: Iterable[Route], place: Place, context: CheckContext) -> None:
    """Require that the routes lead to what is changed."""
    for route in routes:
        service = context.service_of(route)
        if service is not None and service not in services:
            context.problems.add(place, f"{route.key} leads to Service {service}, not to {listed(services)}")


def check_answer(answer: str, deployments: Sequence[str], place: Place, context: CheckContext) -> None:
    """Require that one of the new version's containers answers so, where they say what they answer."""
    texts = texts_of(context.objects, deployments)
    if texts and not any(fnmatchcase(text, answer) for text in texts):
        given = listed(dict.fromkeys(texts))
        context.problems.add(place, f"the new version ({listed(deployments)}) answers {given}, never {answer!r}")
