"""Two candidates answer at the same time for a while."""

from __future__ import annotations

from harness.changes.base import Made, Missing
from harness.changes.course import Course
from harness.changes.release import Release
from harness.changes.splitting import Splitting, splitting
from harness.controllers.sharing import RequestShare
from harness.model.changes import AbTest

#: B is out when it has not answered for so long: each worker of nginx learns of it by its own timer of 1 s.
QUIET_SECONDS = 1.5
_NS = 1_000_000_000


class Compare(Release[AbTest]):
    """See ``harness.model.changes.AbTest``.

    Observed when the ingress controller has taken it over since, and B has answered on every route of its own, or, with
    weights, on every route of both. Then it stays for its time and is always undone; that is seen when the controller
    has taken it over and nobody has been answered by B for a while.
    """

    def carry_out(self, course: Course) -> bool:
        """Split, see, hold, undo."""
        spec, stage = self.spec, course.stage
        split = splitting(course, spec.ingress, spec.path, spec.service, spec.candidate)
        made = split.split(RequestShare(spec.by, spec.key, spec.value, spec.weight, spec.sticky))
        course.record("applied", {**made.detail, "begun": made.begun, "by": spec.by}, at=made.applied)
        seen = course.sees("observed", lambda: self._missing(split, made))
        course.holds(spec.hold, stage.clock.now())
        begun = stage.clock.now()
        if split.undo():
            course.record("undone", {"begun": begun})
            seen &= course.sees("undo-observed", lambda: self._missing_back(split, begun))
        else:
            seen = False
        return (course.last or course.rests(made.begun)) and seen

    def _missing_back(self, split: Splitting, begun: int) -> Missing:
        stage = split.stage
        since = stage.clock.now() - round(QUIET_SECONDS * _NS)
        routes = {*self.spec.a, *self.spec.b}
        ended = since >= begun and not any(stage.answered(self.spec.answer, since, key) for key in routes)
        return (*split.told(begun), *(() if ended else ("the last answer by B",)))

    def _missing(self, split: Splitting, made: Made) -> Missing:
        answer = self.spec.answer
        unseen = [key for key in self.spec.b or self.spec.a if not split.stage.answered(answer, made.begun, key)]
        return (*split.told(made.begun), *(f"an answer like {answer!r} on {key}" for key in unseen))
