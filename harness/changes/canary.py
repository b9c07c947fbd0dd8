"""A growing share of the requests goes to the new version, step by step, and back if a step loses."""

from __future__ import annotations

from harness.changes.base import Made, Missing
from harness.changes.course import Course
from harness.changes.release import Release
from harness.changes.resizing import Resizing
from harness.changes.splitting import Splitting, splitting
from harness.controllers.sharing import RequestShare
from harness.model.changes import Canary, Step


class Grow(Release[Canary]):
    """See ``harness.model.changes.Canary``.

    Events: per step ``step`` {step, weight, begun}, ``step-observed``, ``step-end``; ``rollback`` {step, lost} and
    ``rollback-observed`` where a step lost. A step is seen when the ingress controller has taken it over since, and the
    new version has answered on the route, if it is to have a share. ``applied`` stands beside the first step.
    """

    def carry_out(self, course: Course) -> bool:
        """Step by step; the way back where a step loses, or another repetition follows."""
        spec = self.spec
        split = splitting(course, spec.ingress, spec.path, spec.service, spec.canary)
        begun, seen = course.stage.clock.now(), True
        for number, step in enumerate(spec.steps, 1):
            stood, lost = self._step(course, split, number, step)
            seen &= stood
            if lost:
                course.record("rollback", {"step": number, "lost": lost})
                seen &= self._back(course, split, "rollback-observed")
                return self._over(course, begun, seen=seen)
        retired = Resizing(course, spec.retire.deployment if spec.retire else "", 0, "retired")
        if spec.retire:
            course.holds(spec.retire.after, course.stage.clock.now())
            retired.begin()
            seen &= retired.sees()
        if course.goes_back():
            seen &= retired.undo()
            course.record("undone", {"begun": course.stage.clock.now()})
            seen &= self._back(course, split, "undo-observed")
        return self._over(course, begun, seen=seen)

    def _over(self, course: Course, begun: int, *, seen: bool) -> bool:
        if seen:
            course.record("observed")
        return (course.last or course.rests(begun)) and seen

    def _step(self, course: Course, split: Splitting, number: int, step: Step) -> tuple[bool, int]:
        """One step to its end: whether it was seen, and how many requests were lost in it that call for a rollback."""
        stage = course.stage
        detail = {"step": number, "weight": step.weight}
        made = split.split(RequestShare(weight=step.weight))
        if number == 1:
            course.applied(made)
        course.record("step", {**detail, "begun": made.begun}, at=made.applied)

        def lost() -> int:
            return stage.lost(made.begun) if self.spec.rollback else 0

        def loses() -> bool:
            return lost() > 0

        seen = course.sees("step-observed", lambda: self._missing(split, made, step), detail, enough=loses)
        course.holds(step.hold, stage.clock.now(), enough=loses)
        course.record("step-end", detail)
        return seen, lost()

    def _missing(self, split: Splitting, made: Made, step: Step) -> Missing:
        answer, route = self.spec.answer, self.spec.route
        unseen = step.weight > 0 and not split.stage.answered(answer, made.begun, route)
        return (*split.told(made.begun), *((f"an answer like {answer!r} on {route}",) if unseen else ()))

    def _back(self, course: Course, split: Splitting, what: str) -> bool:
        begun = course.stage.clock.now()
        return split.undo() and course.sees(what, lambda: split.told(begun))
