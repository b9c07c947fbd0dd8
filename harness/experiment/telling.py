"""Whether versions that answer at the same time can be told apart by what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from harness.experiment.naming import Ground, texts_of
from harness.experiment.problems import listed
from harness.kit.located_yaml import Place
from harness.model.experiment import Route


def check_told_apart(routes: Iterable[Route], answer: str, place: Place, ground: Ground) -> None:
    """The routes' own answers are the old version's: they must be known, and not the new one's too."""
    for route in routes:
        if not route.answers:
            message = f"{route.key} has no answers: nobody could tell the versions apart on it"
            hint = f"give its path in traffic the old version's: {{path: {route.path}, answers: …}}"
            ground.problems.add(place, message, hint)
        elif any(fnmatchcase(known, answer) or fnmatchcase(answer, known) for known in route.answers):
            message = f"{answer!r} is an answer of the old version on {route.key} too: it tells nothing"
            ground.problems.add((*place, "answer"), message)


def check_leads_to(services: Sequence[str], routes: Iterable[Route], place: Place, ground: Ground) -> None:
    """The routes must lead to what is changed."""
    for route in routes:
        service = ground.service_of(route)
        if service is not None and service not in services:
            ground.problems.add(place, f"{route.key} leads to Service {service}, not to {listed(services)}")


def check_answer(answer: str, deployments: Sequence[str], place: Place, ground: Ground) -> None:
    """Where the new version's containers say what they answer, one of them must answer so."""
    texts = texts_of(ground.objects, deployments)
    if texts and not any(fnmatchcase(text, answer) for text in texts):
        given = listed(dict.fromkeys(texts))
        ground.problems.add(place, f"the new version ({listed(deployments)}) answers {given}, never {answer!r}")
