"""Which controller splits how."""

from __future__ import annotations

from collections.abc import Mapping

from harness.changes.course import Course
from harness.changes.splitting import Splitting, Way
from harness.changes.splitting_nginx import CanaryIngress
from harness.changes.splitting_traefik import WeightedRoute
from harness.errors import HarnessError

#: By the controller's word in an Experiment.
SPLITTINGS: Mapping[str, type[Splitting]] = {
    "ingress-nginx": CanaryIngress,
    "traefik-nginx": CanaryIngress,
    "traefik": WeightedRoute,
}


def splitting(course: Course, way: Way) -> Splitting:
    """The way in which the trial's controller splits.

    Raises:
        HarnessError: There is no controller, or it can't.
    """
    kind = SPLITTINGS.get(course.stage.ingress)
    if kind is None:
        known = ", ".join(SPLITTINGS)
        raise HarnessError(f"ingress: {course.stage.ingress} can't share requests; {known} can.")
    return kind(course, way)
