"""A version is brought up for a release, or goes after it, and is as before where the release is undone."""

from __future__ import annotations

from harness.changes.base import Made, Missing, patch_with_undo
from harness.changes.course import Course
from harness.changes.pods import addresses, names, pods_of
from harness.changes.rollouts import current, rollout_missing


class Resizing:
    """A Deployment that gets another number of pods as part of a release.

    Events, for ``what`` ``retired``: ``retired`` when the API has taken it, ``retired-observed`` when its pods are as
    many as asked for; ``retired-undone`` and ``retired-undo-observed`` on the way back.

    Args:
        course: The repetition that it is part of.
        deployment: Its name.
        replicas: To how many.
        what: The word for it.
    """

    def __init__(self, course: Course, deployment: str, replicas: int, what: str) -> None:
        self._course = course
        self._deployment = deployment
        self._replicas = replicas
        self._what = what
        self._made: Made | None = None
        self._original = 1

    def begin(self) -> None:
        """Scale it, its undo on disk before."""
        course, patch = self._course, {"spec": {"replicas": self._replicas}}
        made = patch_with_undo(course.stage, "Deployment", self._deployment, patch, "merge", course.number)
        course.record(self._what, {"deployment": self._deployment, "begun": made.begun}, at=made.applied)
        original = made.before.get("object", made.target)
        self._made, self._original = made, int(original["spec"].get("replicas", 1))

    def sees(self) -> bool:
        """Wait until it has its pods, or none; true where it was never begun."""
        made = self._made
        if made is None:
            return True
        return self._course.sees(
            f"{self._what}-observed",
            lambda: self._missing(made, self._replicas, since=made.target["metadata"].get("generation", 1) - 1),
            {"deployment": self._deployment},
            pointless=made.pointless,
        )

    def undo(self) -> bool:
        """Put it back and wait for it: nobody else may be there to answer."""
        made = self._made
        if made is None or made.entry is None:
            return True
        begun = self._course.stage.clock.now()
        if not self._course.undoes(made.entry):
            return False
        detail = {"deployment": self._deployment}
        self._course.record(f"{self._what}-undone", {**detail, "begun": begun})
        since = made.target["metadata"].get("generation", 0)
        return self._course.sees(
            f"{self._what}-undo-observed", lambda: self._missing(made, self._original, since=since), detail
        )

    def _missing(self, made: Made, replicas: int, *, since: int) -> Missing:
        stage = self._course.stage
        deployment = current(stage, made)
        pods = pods_of(stage.kube, deployment, stage.namespace)
        if not replicas:
            return (f"the end of the pods of Deployment {self._deployment} ({names(pods)})",) if pods else ()
        missing = rollout_missing(deployment, since=since)
        ready = len(addresses(pods))
        return missing or (() if ready >= replicas else (f"{replicas} ready pods of {self._deployment} ({ready})",))
