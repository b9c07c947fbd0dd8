"""Checks that versions which answer at the same time can be recognised by their answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from harness.experiment.changes.context import CheckContext
from harness.experiment.naming import texts_of
from harness.experiment.problems import listed
from harness.kit.located_yaml import Place
from harness.model.experiment import Route
from harness.problem_codes import ProblemCode


def check_distinguishable(routes: Iterable[Route], answer: str, place: Place, context: CheckContext) -> None:
    """Require answers of the old version on each route that differ from the new version's."""
    for route in routes:
        if not route.answers:
            message = f"{route.key} has no answers: nothing could tell the versions apart on it"
            hint = f"give its path in traffic the old version's: {{path: {route.path}, answers: …}}"
            context.add(ProblemCode.ANSWER_REQUIRED, place, message, hint)
        elif any(fnmatchcase(known, answer) or fnmatchcase(answer, known) for known in route.answers):
            message = (
                f"{answer!r} is an answer of the old version on {route.key} too: it does not tell the versions apart"
            )
            context.add(ProblemCode.ANSWER_REQUIRED, (*place, "answer"), message)


def check_leads_to(services: Sequence[str], routes: Iterable[Route], place: Place, context: CheckContext) -> None:
    """Require that the routes lead to the changed Services."""
    for route in routes:
        service = context.service_of(route)
        if service is not None and service not in services:
            message = f"{route.key} leads to Service {service}, not to {listed(services)}"
            context.add(ProblemCode.WRONG_SERVICE, place, message)


def check_answer(answer: str, deployments: Sequence[str], place: Place, context: CheckContext) -> None:
    """Require that a container of the new version gives the answer, if their arguments have their answers."""
    texts = texts_of(context.objects, deployments)
    if texts and not any(fnmatchcase(text, answer) for text in texts):
        given = listed(dict.fromkeys(texts))
        message = f"the new version ({listed(deployments)}) answers {given}, never {answer!r}"
        context.add(ProblemCode.ANSWER_IMPOSSIBLE, place, message)
