"""All of the public traffic is switched from one version to another, and the old one may go."""

from __future__ import annotations

from harness.changes.base import Made, Missing, Stage, patch_with_undo
from harness.changes.course import Course
from harness.changes.following import Following
from harness.changes.release import Release
from harness.changes.resizing import Resizing
from harness.model.changes import BlueGreen


class Switch(Release[BlueGreen]):
    """See ``harness.model.changes.BlueGreen``.

    Observed when the Service's EndpointSlices hold exactly the ready pods of the new selector, at least one, the
    ingress controller has taken them over, and every public route has got the new version's answer since. An old
    version that goes at once goes before that is seen; otherwise after it.
    """

    def carry_out(self, course: Course) -> bool:
        """Bring up, switch, see, retire; and back where that is asked for or another repetition follows."""
        spec, stage = self.spec, course.stage
        seen, started = self._start(course)
        following = Following(spec.service)
        patch = {"spec": {"selector": dict(spec.selector)}}
        made = patch_with_undo(stage, "Service", spec.service, patch, "merge", course.number)
        course.applied(made)
        retired = Resizing(course, spec.retire.deployment if spec.retire else "", 0, "retired")
        if spec.retire and not spec.retire.after:
            retired.begin()
        pointless = made.pointless
        seen &= course.sees("observed", lambda: self._missing(stage, made, following), pointless=pointless)
        if spec.retire and spec.retire.after:
            course.holds(spec.retire.after, made.applied)
            retired.begin()
        seen &= retired.sees()
        if course.goes_back(spec.back):
            seen &= retired.undo() and self._back(course, made, following) and started.undo()
        return (course.last or course.rests(made.begun)) and seen

    def _start(self, course: Course) -> tuple[bool, Resizing]:
        """The new version's pods, awaited where that is asked for."""
        start = self.spec.start
        started = Resizing(course, start.deployment if start else "", start.replicas if start else 0, "started")
        if start is None:
            return True, started
        started.begin()
        return (not start.wait or started.sees()), started

    def _missing(self, stage: Stage, made: Made, following: Following) -> Missing:
        answer = self.spec.answer
        unseen = [route for route in self.spec.public if not stage.answered(answer, made.begun, route)]
        return (
            *following.endpoints_missing(stage, made.target["spec"].get("selector", {}), some=True),
            *following.ingress_missing(stage, made.begun, answers=True),
            *(f"an answer like {answer!r} on {route}" for route in unseen),
        )

    def _back(self, course: Course, made: Made, following: Following) -> bool:
        """The way back; nothing where nothing was changed."""
        if made.entry is None:
            return True
        stage, begun = course.stage, course.stage.clock.now()
        if not course.undoes(made.entry):
            return False
        course.record("undone", {"begun": begun})
        selector = made.before["object"]["spec"].get("selector", {})

        def missing() -> Missing:
            return (
                *following.endpoints_missing(stage, selector, some=False),
                *following.ingress_missing(stage, begun, answers=True),
            )

        return course.sees("undo-observed", missing)
