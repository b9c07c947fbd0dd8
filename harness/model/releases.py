"""The ways to bring a new version to its users that are more than one edit: blue-green, canary, A/B test.

They say what is meant, not how a controller does it: the same record is carried out by ingress-nginx's annotations or
by Traefik's weighted services. A record that goes into evidence must say enough to judge who should have answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from harness.model.changes import ChangeSpec


@dataclass(frozen=True, slots=True)
class Retire:
    """The version that is not wanted any more goes.

    Attributes:
        deployment: Scaled to no replicas.
        after: Seconds from when the switch was made; 0 does both at once.
    """

    deployment: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Start:
    """The new version is brought up first.

    Attributes:
        deployment: Scaled up.
        replicas: To so many pods.
        wait: Whether all of them are awaited before the switch.
    """

    deployment: str
    replicas: int = 1
    wait: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen(ChangeSpec):
    """All of the public traffic goes from one version to another at once.

    Attributes:
        service: The public Service, whose selector is switched.
        selector: The labels that change.
        public: Keys of the routes that the public uses.
        private: Keys of the routes that reach the new version before the switch already.
        answer: Glob of the new version's body: nothing public has it before the switch, all of it has it after.
        grace: Seconds from when the switch was seen in which the old version may still answer.
        start: What is brought up before the switch; None where the new version is there already.
        retire: What goes afterwards; None leaves the old version there.
        back: Whether the switch is made back as part of the change; seconds after all
            of it was seen, 0 for not at all.
    """

    kind: ClassVar[str] = "blue-green"
    service: str
    selector: Mapping[str, str]
    public: tuple[str, ...]
    private: tuple[str, ...] = ()
    answer: str
    grace: float = 5.0
    start: Start | None = None
    retire: Retire | None = None
    back: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a canary.

    Attributes:
        weight: Percent of the requests that the new version is to get, 0 to 100.
        hold: Seconds that it stays so, from when the step was seen.
    """

    weight: int
    hold: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary(ChangeSpec):
    """A growing share of the requests goes to the new version.

    Attributes:
        ingress: The Ingress whose rule is split.
        path: The rule's path, as it is written there.
        service: The Service that the rule names: the old version.
        canary: The Service of the new version.
        route: Key of the route whose answers are counted.
        answer: Glob of the new version's body.
        steps: In their order.
        rollback: Whether a step in which requests are lost ends it, with all traffic sent back.
        retire: What goes after the last step; None leaves the old version there.
    """

    kind: ClassVar[str] = "canary"
    ingress: str
    path: str
    service: str
    canary: str
    route: str
    answer: str
    steps: tuple[Step, ...]
    rollback: bool = True
    retire: Retire | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """What counts as a success where two candidates are compared, beside that the request was not lost.

    Attributes:
        latency: Seconds within which the answer must be there; 0 for any time.
    """

    latency: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AbTest(ChangeSpec):
    """Two candidates answer at the same time, told apart by header, cookie or weight.

    Attributes:
        ingress: The Ingress whose rule is split.
        path: The rule's path, as it is written there.
        service: The Service that the rule names: candidate A.
        candidate: The Service of candidate B.
        by: What sends a request to B.
        key: Name of the header or cookie; empty for weights.
        value: The header's or cookie's value that means B.
        weight: Percent of the requests for B, where weights decide.
        sticky: Name of a cookie by which a session stays with its candidate; empty for none. Only with weights.
        a: Keys of the routes that A must answer while the test runs; with weights those that both may answer.
        b: Keys of the routes that B must answer; empty with weights.
        answer: Glob of B's body.
        hold: Seconds that the test runs, from when it was seen.
        success: What counts as a success.
    """

    kind: ClassVar[str] = "ab-test"
    ingress: str
    path: str
    service: str
    candidate: str
    by: Literal["header", "cookie", "weight"]
    key: str = ""
    value: str = ""
    weight: int = 50
    sticky: str = ""
    a: tuple[str, ...]
    b: tuple[str, ...] = ()
    answer: str
    hold: float = 5.0
    success: Criterion = field(default_factory=Criterion)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerRestart(ChangeSpec):
    """A rolling update of the ingress controller itself."""

    kind: ClassVar[str] = "controller-restart"


#: The kinds of this module, by the word used in Experiment files.
RELEASE_KINDS: Mapping[str, type[ChangeSpec]] = {
    spec.kind: spec for spec in (BlueGreen, Canary, AbTest, ControllerRestart)
}
