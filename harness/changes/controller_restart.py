"""A rolling update of the ingress controller itself, under traffic: every connection goes through what is replaced."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.base import Missing
from harness.changes.course import Course
from harness.changes.release import Release
from harness.changes.restart import Replace
from harness.errors import HarnessError
from harness.model.changes import ControllerRestart, Restart


class Renew(Release[ControllerRestart]):
    """See ``harness.model.changes.ControllerRestart``.

    Observed when the rollout of the controller's Deployment is complete, its old pods are gone, and traffic has been
    answered since then: by a new pod, for there is no other.
    """

    def carry_out(self, course: Course) -> bool:
        """Restart it as ``kubectl rollout restart`` does; there is nothing to undo."""
        stage, controller = course.stage, course.stage.controller
        if controller is None:
            raise HarnessError(
                "The ingress controller's own Deployment is not known here, so it can't be restarted.",
                hint="clusters of the harness have one: --cluster local or kind, unless ingress is none",
            )
        there = replace(stage, namespace=controller.namespace)
        restart = Replace(Restart(name=self.spec.name, deployment=controller.deployment))
        made = restart.make(there, course.number)
        course.applied(made)
        replaced = 0

        def missing() -> Missing:
            nonlocal replaced
            left = restart.missing(there, made)
            if left:
                return left
            replaced = replaced or stage.clock.now()
            return () if stage.answered("*", replaced) else ("an answer through the new controller",)

        seen = course.sees("observed", missing)
        return (course.last or course.rests(made.begun)) and seen
