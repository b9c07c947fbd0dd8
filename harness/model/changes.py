"""Defines the kinds of changes for Experiments: one validated record per kind, with its facts.

How a change is made is in ``harness.changes.kinds``; how a file describes it is in ``harness.experiment.changes``. Both
find their kind by its word in ``CHANGE_KINDS``. A record goes into the evidence. It says which version should have
answered, but nothing about the controller: a canary is the same with annotations or with weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

from harness.model.annotations import WITHOUT_RELOAD
from harness.model.change_facts import ChangeFacts, FirstTry, InPlace, TargetKind
from harness.model.controllers import Aspect
from harness.model.rights import Right

#: Estimated seconds until a change that replaces no pods is observed.
_SEEN_SECONDS = 1.0
#: Estimated seconds to replace an ingress controller's own pods, which drain their connections first.
_CONTROLLER_SECONDS = 10.0

_READ_PODS = Right("", "pods", ("list",))
_LIST_ROLLOUTS = tuple(Right("apps", plural, ("list",)) for plural in ("deployments", "statefulsets", "daemonsets"))
_EVICT_PODS = Right("", "pods/eviction", ("create",))
_READ_ENDPOINTS = Right("discovery.k8s.io", "endpointslices", ("list",))
_PATCH_DEPLOYMENTS = Right("apps", "deployments", ("get", "patch"))
#: The other kinds of objects that roll out a new template, with the rights for that.
_OTHER_ROLLOUTS = {
    TargetKind.STATEFUL_SET: (Right("apps", "statefulsets", ("get", "patch")), _READ_PODS),
    TargetKind.DAEMON_SET: (Right("apps", "daemonsets", ("get", "patch")), _READ_PODS),
}
_PATCH_SERVICES = Right("", "services", ("get", "patch"))
_READ_INGRESSES = Right("networking.k8s.io", "ingresses", ("get",))

_NEEDS_ROUTES = "which routes reach which version is written in an Experiment"


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch of the object that a change affects.

    Attributes:
        strategy: Merge strategy of the API server.
        body: The patch.
    """

    strategy: Literal["merge", "strategic"]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSpec:
    """The common part of all changes.

    The properties answer questions about any change; a kind overrides those with another answer.

    Attributes:
        name: Name, unique in its Experiment; the kind if the user gave none.
        times: Repetitions per trial; a change that can be undone is undone in between, during traffic.
        pause: Seconds between two repetitions, counted from when the system is at rest.
        answers: Further answers that are correct once the change has begun (glob patterns of whole bodies, by the
            route's key).
        during: Another change, in whose progress this one is made; None if it is made alone.
    """

    kind: ClassVar[str]
    facts: ClassVar[ChangeFacts]
    name: str
    times: int = 1
    pause: float = 0.0
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    during: ChangeSpec | None = None

    @property
    def parts(self) -> tuple[ChangeSpec, ...]:
        """Return the changes of a trial in the order in which they begin: the one in progress, and this one."""
        return (self,) if self.during is None else (self.during, self)

    @property
    def accepted(self) -> Mapping[str, tuple[str, ...]]:
        """Return the further answers of all parts, by the route's key."""
        found: dict[str, tuple[str, ...]] = {}
        for part in self.parts:
            for route, globs in part.answers.items():
                found[route] = tuple(dict.fromkeys((*found.get(route, ()), *globs)))
        return found

    @property
    def target(self) -> TargetKind:
        """Return the kind of the object to change: that whose field has a name, or else the usual one."""
        given = (each for each in self.facts.targets if each.field and getattr(self, each.field))
        return next(given, self.facts.target)

    @property
    def target_name(self) -> str:
        """Return the name of the object to change; empty if no field names it."""
        return str(getattr(self, self.target.field)) if self.target.field else ""

    @property
    def made(self) -> str:
        """Return the kind's word, with the kind of the object if that is not the usual one: ``restart statefulset``."""
        return self.kind if self.target is self.facts.target else f"{self.kind} {self.target.field}"

    @property
    def new_answer(self) -> str:
        """Return a glob of the body that only the new version gives; empty if none is given."""
        return ""

    @property
    def takes_answer(self) -> bool:
        """Return True if the kind has a field for ``new_answer``."""
        return "answer" in type(self).__dataclass_fields__

    @property
    def version_routes(self) -> tuple[str, ...]:
        """Return the keys of the routes on which the change decides which version answers; may be empty."""
        return ()

    @property
    def takes_all(self) -> bool:
        """Return True if the new version gets every request of ``version_routes``."""
        return False

    @property
    def old_answers_for(self) -> float | None:
        """Return the seconds for which the old version may still answer; None if it may until routing has settled."""
        return None

    @property
    def undoes_itself(self) -> bool:
        """Return True if the undo is part of the change."""
        return False

    @property
    def own_hold(self) -> float:
        """Return the seconds for which the change is held before its undo or its end; 0 for none."""
        return 0.0

    @property
    def steps_asked(self) -> int:
        """Return the number of its steps; 0 if it has none."""
        return 0

    @property
    def share_asked(self) -> float | None:
        """Return the requested share of the new version, 0 to 1; None if no share is requested."""
        return None

    @property
    def sticky_cookie(self) -> str:
        """Return the name of the cookie that makes a session sticky; empty for none."""
        return ""

    @property
    def candidates(self) -> Candidates | None:
        """Return the two versions to compare; None if there are none."""
        return None

    @property
    def scaled(self) -> tuple[str, ...]:
        """Return the Deployments that it starts or ends as part of a release."""
        return ()

    @property
    def unpatched(self) -> tuple[str, ...]:
        """Return the path of the field that it changes other than by ``patch_of``; empty if there is none."""
        return ()

    @property
    def selects(self) -> Mapping[str, str | None]:
        """Return the changed labels of the Service's selector, None for a removed one; empty if the selector stays."""
        return {}

    def selector_after(self, before: Mapping[str, str]) -> Mapping[str, str]:
        """Return the selector of the changed Service after the change."""
        after = {**before, **self.selects}
        return {label: value for label, value in after.items() if value is not None}

    @property
    def awaits_ingress(self) -> Aspect | None:
        """Return the part of the configuration whose effect is awaited in the log if no answer shows it."""
        return self.facts.awaits_ingress

    @property
    def container_fields(self) -> Mapping[str, Any]:
        """Return the fields of the container that get a new value; empty if there are none."""
        return {}

    @property
    def is_meant_to_fail(self) -> bool:
        """Return True if the rollout is meant to get stuck and to be reported as failed."""
        return False

    def patch_of(self, target: Mapping[str, Any], number: int) -> Patch | None:
        """Return the patch of its object; None if the kind makes no patch, or makes one that only the run can know.

        Args:
            target: The current object.
            number: The repetition, from 1.
        """
        del target, number
        return None

    def with_images(self, images: Mapping[str, str]) -> Self:
        """Return the change, and the one in whose progress it is made, with some of their images replaced."""
        other = self.during.with_images(images) if self.during else None
        return replace(self._with_own_images(images), during=other)

    def _with_own_images(self, images: Mapping[str, str]) -> Self:
        """Return the change with some of its own images replaced."""
        del images
        return self

    def answers_on(self, touched: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the answers that become correct once the change has begun, by the route's key.

        Args:
            touched: Keys of the routes to the changed object.
        """
        if self.version_routes:
            return dict.fromkeys(self.version_routes, (self.new_answer,))
        if not self.new_answer:
            return {}
        numbered = (self.new_answer.replace("{time}", str(number)) for number in range(1, self.times + 1))
        return dict.fromkeys(touched, tuple(dict.fromkeys(numbered)))

    def seconds(self, replacing: float) -> float:
        """Estimate the duration of all repetitions if nothing gets stuck.

        Args:
            replacing: Seconds to replace the slowest pod of the workload.
        """
        other = self.during.seconds(replacing) if self.during else 0.0
        return other + self.times * (self.pause + self._seconds_once(replacing))

    def _seconds_once(self, replacing: float) -> float:
        """Estimate the duration of one repetition."""
        return self.own_hold + (replacing if self.facts.replaces_pods else _SEEN_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChange(ChangeSpec):
    """The control: nothing is changed for a while.

    Attributes:
        hold: Length of that time in seconds.
    """

    kind: ClassVar[str] = "none"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="the control: the same traffic, and nothing is changed",
        target=TargetKind.NOTHING,
        observed="the time is over",
        undoable=False,
        undo="nothing was changed",
        in_place=InPlace(refused="a run in place makes its own control"),
        aliases=("control", "nothing", "no-change"),
        is_control=True,
    )
    hold: float = 3.0

    @property
    def own_hold(self) -> float:
        """Return the hold."""
        return self.hold


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingUpdate(ChangeSpec):
    """A new pod template for a Deployment, a StatefulSet or a DaemonSet.

    Attributes:
        deployment: Name of the Deployment; empty for another kind of object.
        statefulset: Name of the StatefulSet.
        daemonset: Name of the DaemonSet.
        set: Fields of the container that get a new value; ``{time}`` in a string is the repetition, from 1.
        container: The container's name; empty for the first one.
        answer: Glob of the body that only the new version gives (``{time}`` as in ``set``); empty if none is given.
        until: ``complete``, or ``progress-deadline`` for a rollout that is meant to get stuck and fail.
    """

    kind: ClassVar[str] = "rolling-update"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="a new pod template",
        target=TargetKind.DEPLOYMENT,
        observed="the rollout is complete, the old pods are gone, and `answer` was given; "
        "or the Deployment is called failed",
        undoable=True,
        undo="the template's fields before, by a second rollout",
        in_place=InPlace(usage="'rolling-update: {set: {image: shop:2}, answer: shop-2}'"),
        replaces_pods=True,
        rights=(_PATCH_DEPLOYMENTS, _READ_PODS),
        others=_OTHER_ROLLOUTS,
        aliases=("rollout", "set-image", "update", "deploy"),
    )
    deployment: str = ""
    set: Mapping[str, Any] = field(default_factory=dict)
    container: str = ""
    answer: str = ""
    until: Literal["complete", "progress-deadline"] = "complete"
    statefulset: str = ""
    daemonset: str = ""

    @property
    def new_answer(self) -> str:
        """Return the answer."""
        return self.answer

    @property
    def container_fields(self) -> Mapping[str, Any]:
        """Return the fields to set."""
        return self.set

    @property
    def is_meant_to_fail(self) -> bool:
        """Return True if it waits for the progress deadline."""
        return self.until == "progress-deadline"

    @property
    def undoes_itself(self) -> bool:
        """Return True if it is meant to fail; then the old template is restored."""
        return self.is_meant_to_fail

    def patch_of(self, target: Mapping[str, Any], number: int) -> Patch | None:
        """Return a patch of one container; None if the object has none."""
        names = [str(container.get("name")) for container in _containers(target)]
        if not names:
            return None
        container = {"name": self.container or names[0], **substituted(self.set, number)}
        return Patch("strategic", {"spec": {"template": {"spec": {"containers": [container]}}}})

    def _with_own_images(self, images: Mapping[str, str]) -> Self:
        """Return the change with another image, if it sets one of these."""
        image = images.get(self.set.get("image", ""))
        return self if image is None else replace(self, set={**self.set, "image": image})


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(ChangeSpec):
    """``kubectl rollout restart``: the same template with a new annotation.

    Attributes:
        deployment: Name of the Deployment; empty for another kind of object.
        statefulset: Name of the StatefulSet.
        daemonset: Name of the DaemonSet.
    """

    kind: ClassVar[str] = "restart"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="the same pods once more, as `kubectl rollout restart` does",
        target=TargetKind.DEPLOYMENT,
        observed="the rollout is complete, and the old pods are gone",
        undoable=False,
        undo="a second rollout would be one more change",
        in_place=InPlace(usage="restart"),
        replaces_pods=True,
        rights=(_PATCH_DEPLOYMENTS, _READ_PODS),
        others=_OTHER_ROLLOUTS,
        aliases=("rollout-restart", "rolling-restart"),
        first_try=FirstTry.EVERY,
    )
    deployment: str = ""
    statefulset: str = ""
    daemonset: str = ""

    @property
    def unpatched(self) -> tuple[str, ...]:
        """Return the annotations of the pods."""
        return ("spec", "template", "metadata", "annotations")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePod(ChangeSpec):
    """Deletes one ready pod of a Deployment; observed when its replacement is ready.

    Attributes:
        deployment: Name of the Deployment.
        force: Delete with grace period 0, like ``kubectl delete --force``.
    """

    kind: ClassVar[str] = "delete-pod"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="one ready pod is deleted",
        target=TargetKind.DEPLOYMENT,
        observed="the pod is gone, and a replacement is ready",
        undoable=False,
        undo="a pod that is gone does not come back, its replacement does",
        in_place=InPlace(usage="delete-pod"),
        replaces_pods=True,
        rights=(Right("apps", "deployments", ("get",)), Right("", "pods", ("list", "delete"))),
        aliases=("kill-pod", "pod-deletion"),
        first_try=FirstTry.REPLICATED,
    )
    deployment: str
    force: bool = False

    @property
    def unpatched(self) -> tuple[str, ...]:
        """Return the pods."""
        return ("pods",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evict(ChangeSpec):
    """Evicts pods of a Deployment, as the drain of a node or an autoscaler does; PodDisruptionBudgets may delay it.

    Attributes:
        deployment: Name of the Deployment.
        pods: ``one`` for the first ready pod by name, ``all`` for every pod that exists at the start.
        within: Seconds to wait for the budgets, in addition to the time that every change has.
    """

    kind: ClassVar[str] = "evict"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="one pod or all pods are evicted, as soon as their PodDisruptionBudget allows it",
        target=TargetKind.DEPLOYMENT,
        observed="the evicted pods are gone, and all replicas are ready, one of them a new pod at least",
        undoable=False,
        undo="a pod that is gone does not come back, its replacement does",
        in_place=InPlace(usage="evict"),
        replaces_pods=True,
        rights=(Right("apps", "deployments", ("get",)), _READ_PODS, _EVICT_PODS),
        aliases=("eviction", "evict-pod"),
    )
    deployment: str
    pods: Literal["one", "all"] = "one"
    within: float = 60.0

    @property
    def unpatched(self) -> tuple[str, ...]:
        """Return the pods."""
        return ("pods",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain(ChangeSpec):
    """Drains a node as ``kubectl drain`` does, and lets it take pods again afterwards.

    Only the workload's pods are evicted, not those of the cluster itself.

    Attributes:
        node: Name of the node; empty for the one with most pods of the workload.
        within: Seconds to wait for the budgets, in addition to the time that every change has.
        hold: Seconds in which the node stays empty after the drain.
    """

    kind: ClassVar[str] = "drain"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="a node takes no new pods, and the workload's pods on it are evicted; then it takes pods again",
        target=TargetKind.NODE,
        observed="none of these pods is left; after `uncordon`, every rollout is complete",
        undoable=True,
        undo="the node takes pods again",
        in_place=InPlace(refused="a node runs pods of others as well; `evict` moves those of the application"),
        replaces_pods=True,
        rights=(
            Right("", "nodes", ("get", "patch")),
            *_LIST_ROLLOUTS,
            _READ_PODS,
            _EVICT_PODS,
        ),
        aliases=("cordon", "drain-node", "node-drain"),
    )
    node: str = ""
    within: float = 60.0
    hold: float = 0.0

    @property
    def own_hold(self) -> float:
        """Return the hold."""
        return self.hold

    @property
    def undoes_itself(self) -> bool:
        """Return True: the node always takes pods again."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(ChangeSpec):
    """Another number of replicas.

    Attributes:
        deployment: Name of the Deployment.
        replicas: The new number.
    """

    kind: ClassVar[str] = "scale"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="another number of replicas",
        target=TargetKind.DEPLOYMENT,
        observed="as many pods are there, and all are ready",
        undoable=True,
        undo="the number of replicas before",
        in_place=InPlace(usage="scale=N", shorthand="replicas"),
        replaces_pods=True,
        rights=(_PATCH_DEPLOYMENTS, _READ_PODS),
        aliases=("resize", "replicas"),
    )
    deployment: str
    replicas: int

    def patch_of(self, target: Mapping[str, Any], number: int) -> Patch | None:
        """Return a patch of the number of replicas."""
        del target, number
        return Patch("merge", {"spec": {"replicas": self.replicas}})


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorPatch(ChangeSpec):
    """Changes values of a Service's selector.

    Attributes:
        service: Its name.
        selector: The labels that change (merged into the selector); None removes one.
        answer: Glob of the new backend's body; empty if no backend will answer.
        hold: Seconds until the change undoes the patch itself; 0 keeps the patch until the trial's end.
    """

    kind: ClassVar[str] = "selector-patch"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="other labels in a Service's selector",
        target=TargetKind.SERVICE,
        observed="endpoints and ingress have it, and `answer` was given",
        undoable=True,
        undo="the selector before",
        in_place=InPlace(usage="'selector-patch: {selector: {track: green}, answer: \"green*\"}'"),
        awaits_ingress=Aspect.ENDPOINTS,
        rights=(_PATCH_SERVICES, _READ_PODS, _READ_ENDPOINTS),
        aliases=("selector", "service-patch"),
    )
    service: str
    selector: Mapping[str, str | None]
    answer: str = ""
    hold: float = 0.0

    @property
    def new_answer(self) -> str:
        """Return the answer."""
        return self.answer

    @property
    def own_hold(self) -> float:
        """Return the hold."""
        return self.hold

    @property
    def undoes_itself(self) -> bool:
        """Return True if there is a hold."""
        return bool(self.hold)

    @property
    def selects(self) -> Mapping[str, str | None]:
        """Return the selector."""
        return self.selector

    def patch_of(self, target: Mapping[str, Any], number: int) -> Patch | None:
        """Return a patch of the selector."""
        del target, number
        return Patch("merge", {"spec": {"selector": dict(self.selector)}})


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressEdit(ChangeSpec):
    """Changes annotations or the spec of an Ingress; observed when the controller has put the edit into effect.

    Attributes:
        ingress: Its name.
        annotations: Annotations to set; ``{time}`` in a value is the repetition, from 1.
        patch: A JSON merge patch of the whole object, for everything except annotations.
    """

    kind: ClassVar[str] = "ingress-edit"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="other annotations or another spec of an Ingress",
        target=TargetKind.INGRESS,
        observed="ingress-nginx has reloaded, or has updated endpoints if only annotations of a canary change; "
        "Traefik has loaded another configuration, or has looked at the Ingress and found nothing to change",
        undoable=True,
        undo="the annotations and rules before",
        in_place=InPlace(usage="'ingress-edit: {annotations: {…}}'"),
        needs_ingress=True,
        awaits_ingress=Aspect.RULES,
        reloads_ingress=True,
        rights=(Right("networking.k8s.io", "ingresses", ("get", "patch")),),
        aliases=("annotate", "ingress-patch"),
    )
    ingress: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    patch: Mapping[str, Any] = field(default_factory=dict)

    @property
    def awaits_ingress(self) -> Aspect:
        """Return the endpoints if only annotations change that are applied with them, else the rules."""
        return Aspect.RULES if self.patch or not self.annotations.keys() <= WITHOUT_RELOAD else Aspect.ENDPOINTS

    def patch_of(self, target: Mapping[str, Any], number: int) -> Patch | None:
        """Return the annotations and the patch as one."""
        del target
        annotations = {"metadata": {"annotations": self.annotations}} if self.annotations else {}
        return Patch("merge", substituted(_layered(annotations, self.patch), number))


@dataclass(frozen=True, slots=True)
class Retire:
    """The end of the old version.

    Attributes:
        deployment: Deployment to scale to 0.
        after: Seconds after the switch; 0 does both at once.
    """

    deployment: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Start:
    """The start of the new version before the switch.

    Attributes:
        deployment: Deployment to scale up.
        replicas: Number of pods.
        wait: Wait for all pods before the switch.
    """

    deployment: str
    replicas: int = 1
    wait: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen(ChangeSpec):
    """Switches all public traffic from one version to another at once.

    Attributes:
        service: The public Service, whose selector is switched.
        selector: The labels that change; None removes one.
        public: Keys of the public routes.
        private: Keys of the routes that reach the new version even before the switch.
        answer: Glob of the new version's body: on public routes no answer before the switch, every one after it.
        grace: Seconds after the observed switch in which the old version may still answer.
        start: Deployment to start before the switch; None if the new version already runs.
        retire: Deployment to scale down afterwards; None keeps the old version running.
        back: Seconds after the observed change until it switches back; 0 for never.
    """

    kind: ClassVar[str] = "blue-green"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="all public requests go from one version to another at once",
        target=TargetKind.SERVICE,
        observed="endpoints and ingress have it, every public route was given `answer`; "
        "pods started and retired are there and gone",
        undoable=True,
        undo="the selector before, and both versions' replicas",
        in_place=InPlace(refused=_NEEDS_ROUTES),
        rights=(_PATCH_SERVICES, _PATCH_DEPLOYMENTS, _READ_PODS, _READ_ENDPOINTS),
        aliases=("bluegreen", "switch"),
    )
    service: str
    selector: Mapping[str, str | None]
    public: tuple[str, ...]
    private: tuple[str, ...] = ()
    answer: str
    grace: float = 5.0
    start: Start | None = None
    retire: Retire | None = None
    back: float = 0.0

    @property
    def scaled(self) -> tuple[str, ...]:
        """Return the Deployments to start and to end."""
        return tuple(part.deployment for part in (self.start, self.retire) if part is not None)

    @property
    def new_answer(self) -> str:
        """Return the answer."""
        return self.answer

    @property
    def version_routes(self) -> tuple[str, ...]:
        """Return the public routes."""
        return self.public

    @property
    def takes_all(self) -> bool:
        """Return True: the new version gets every request."""
        return True

    @property
    def old_answers_for(self) -> float | None:
        """Return the grace."""
        return self.grace

    @property
    def undoes_itself(self) -> bool:
        """Return True if it switches back."""
        return bool(self.back)

    @property
    def selects(self) -> Mapping[str, str | None]:
        """Return the selector."""
        return self.selector

    def patch_of(self, target: Mapping[str, Any], number: int) -> Patch | None:
        """Return a patch of the selector."""
        del target, number
        return Patch("merge", {"spec": {"selector": dict(self.selector)}})

    def _seconds_once(self, replacing: float) -> float:
        """Estimate the start, the switch, the retirement and the switch back."""
        started = replacing if self.start and self.start.wait else 0.0
        retired = replacing + self.retire.after if self.retire else 0.0
        return started + _SEEN_SECONDS + retired + self.back


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a canary.

    Attributes:
        weight: Percent of the requests for the new version, 0 to 100.
        hold: Seconds that the step lasts after it was observed.
    """

    weight: int
    hold: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary(ChangeSpec):
    """Sends a growing share of the requests to the new version.

    Attributes:
        ingress: The Ingress whose rule is split.
        path: The rule's path as written in the Ingress.
        service: The Service that the rule names: the old version.
        canary: The Service of the new version.
        route: Key of the route whose answers are counted.
        answer: Glob of the new version's body.
        steps: The steps in order.
        rollback: A step that loses requests ends the canary, and all traffic goes back to the old version.
        retire: Deployment to scale down after the last step; None keeps the old version running.
    """

    kind: ClassVar[str] = "canary"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="a growing share of the requests goes to the new version",
        target=TargetKind.INGRESS,
        observed="at each step the controller has taken it over, and `answer` was given on `route`",
        undoable=True,
        undo="the rule before, and the old version's replicas",
        in_place=InPlace(refused=_NEEDS_ROUTES),
        needs_ingress=True,
        splits_requests=True,
        old_stays=True,
        rights=(_READ_INGRESSES, _PATCH_DEPLOYMENTS, _READ_PODS),
        aliases=("canary-release", "progressive-delivery"),
    )
    ingress: str
    path: str
    service: str
    canary: str
    route: str
    answer: str
    steps: tuple[Step, ...]
    rollback: bool = True
    retire: Retire | None = None

    @property
    def scaled(self) -> tuple[str, ...]:
        """Return the Deployment to end."""
        return (self.retire.deployment,) if self.retire else ()

    @property
    def new_answer(self) -> str:
        """Return the answer."""
        return self.answer

    @property
    def version_routes(self) -> tuple[str, ...]:
        """Return the route."""
        return (self.route,)

    @property
    def steps_asked(self) -> int:
        """Return the number of steps."""
        return len(self.steps)

    def _seconds_once(self, replacing: float) -> float:
        """Estimate all steps and the retirement."""
        retired = replacing + self.retire.after if self.retire else 0.0
        return sum(step.hold + _SEEN_SECONDS for step in self.steps) + retired


@dataclass(frozen=True, slots=True)
class Criterion:
    """The criterion for a success when two candidates are compared; a lost request is never one.

    Attributes:
        latency: Seconds within which the answer must arrive; 0 for any time.
    """

    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """The two versions that a change compares.

    Attributes:
        a: Keys of the routes that A must answer.
        b: Keys of the routes that B must answer; empty if either may answer each request.
        latency: Seconds within which an answer counts as a success; 0 for any time.
    """

    a: tuple[str, ...]
    b: tuple[str, ...]
    latency: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AbTest(ChangeSpec):
    """Runs two candidates at the same time; a header, a cookie or a weight decides which one answers.

    Attributes:
        ingress: The Ingress whose rule is split.
        path: The rule's path as written in the Ingress.
        service: The Service that the rule names: candidate A.
        candidate: The Service of candidate B.
        by: Property that sends a request to B.
        key: Name of the header or cookie; empty for weights.
        value: The header's or cookie's value that means B.
        weight: Percent of the requests for B; used only with weights.
        sticky: Name of a cookie that keeps a session with its candidate; empty for none. Only with weights.
        a: Keys of the routes that A must answer during the test; with weights, routes that both may answer.
        b: Keys of the routes that B must answer; empty with weights.
        answer: Glob of B's body.
        hold: Seconds that the test lasts after it was observed.
        success: Criterion for a success.
    """

    kind: ClassVar[str] = "ab-test"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="two candidates answer at the same time for a while",
        target=TargetKind.INGRESS,
        observed="the controller has taken it over, and B has answered on every route of its own; "
        "afterwards it is undone",
        undoable=True,
        undo="the rule before",
        in_place=InPlace(refused=_NEEDS_ROUTES),
        needs_ingress=True,
        splits_requests=True,
        rights=(_READ_INGRESSES,),
        aliases=("abtest", "split-test"),
        old="candidate A",
        new="candidate B",
    )
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

    @property
    def new_answer(self) -> str:
        """Return the answer of B."""
        return self.answer

    @property
    def version_routes(self) -> tuple[str, ...]:
        """Return the routes of B; with weights, those of both."""
        return self.b or self.a

    @property
    def takes_all(self) -> bool:
        """Return True unless weights decide: then B gets only a share of the requests."""
        return self.by != "weight"

    @property
    def undoes_itself(self) -> bool:
        """Return True: a test always ends."""
        return True

    @property
    def own_hold(self) -> float:
        """Return the hold."""
        return self.hold

    @property
    def share_asked(self) -> float | None:
        """Return the weight as a share."""
        return self.weight / 100 if self.by == "weight" else None

    @property
    def sticky_cookie(self) -> str:
        """Return the cookie."""
        return self.sticky

    @property
    def candidates(self) -> Candidates | None:
        """Return A and B."""
        return Candidates(self.a, self.b, self.success.latency)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerRestart(ChangeSpec):
    """A rolling update of the ingress controller itself."""

    kind: ClassVar[str] = "controller-restart"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="a rolling update of the ingress controller itself",
        target=TargetKind.CONTROLLER,
        observed="the rollout of the controller's Deployment is complete, and traffic was answered since",
        undoable=False,
        undo="a second rollout would be one more change",
        in_place=InPlace(refused="the ingress controller serves other applications as well"),
        needs_ingress=True,
        rights=(_PATCH_DEPLOYMENTS, _READ_PODS),
        aliases=("ingress-restart", "restart-controller"),
    )

    def _seconds_once(self, replacing: float) -> float:
        """Estimate the controller's own rollout; the workload's pods stay."""
        del replacing
        return _CONTROLLER_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRotation(ChangeSpec):
    """Another certificate in the Secret of an Ingress's ``tls``.

    Attributes:
        secret: Name of the Secret.
        host: Host for which the certificate is served: the server name of the TLS connections that show it.
        source: Secret of the workload whose certificate and key are copied; empty for a new self-signed certificate.
    """

    kind: ClassVar[str] = "certificate-rotation"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="another certificate in the Secret of an Ingress's `tls`",
        target=TargetKind.SECRET,
        observed="several new connections in a row got the new certificate",
        undoable=True,
        undo="the certificate before",
        in_place=InPlace(refused="clients trust the certificate that is there, and the harness can't have one issued"),
        needs_ingress=True,
        rights=(Right("", "secrets", ("get", "patch")),),
        aliases=("certificate", "rotate-certificate", "tls-secret"),
    )
    secret: str
    host: str
    source: str = ""

    @property
    def unpatched(self) -> tuple[str, ...]:
        """Return the values of the Secret."""
        return ("data",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl(ChangeSpec):
    """A command of the user's, run by kubectl.

    Attributes:
        command: The words after ``kubectl``, passed on without a shell; ``{time}`` is the repetition, from 1.
        timeout: Seconds after which the command is killed.
    """

    kind: ClassVar[str] = "kubectl"
    facts: ClassVar[ChangeFacts] = ChangeFacts(
        summary="any command of kubectl",
        target=TargetKind.ANYTHING,
        observed="it ended with code 0, an object of the workload differs (unless `answers` are set), every rollout is "
        "complete, no pod is ending, and `answers` were given; its purpose is not checked",
        undoable=False,
        undo="what the command changed is unknown",
        in_place=InPlace(refused="which objects a command changes is unknown, so it could not be undone"),
        replaces_pods=True,
        rights=(
            *_LIST_ROLLOUTS,
            *(Right("", plural, ("list",)) for plural in ("pods", "services", "configmaps", "secrets")),
            Right("networking.k8s.io", "ingresses", ("list",)),
        ),
        aliases=("command", "kubectl-command", "run"),
    )
    command: tuple[str, ...]
    timeout: float = 60.0


#: Every kind of change by its word in Experiment files and evidence. A new kind gets its row here.
CHANGE_KINDS: Mapping[str, type[ChangeSpec]] = {
    spec.kind: spec
    for spec in (
        NoChange,
        RollingUpdate,
        Restart,
        DeletePod,
        Evict,
        Drain,
        Scale,
        SelectorPatch,
        IngressEdit,
        BlueGreen,
        Canary,
        AbTest,
        ControllerRestart,
        CertificateRotation,
        Kubectl,
    )
}

#: Facts of an unknown kind, which evidence of another version may name.
_UNKNOWN = ChangeFacts(
    summary="a kind that this version does not know",
    target=TargetKind.NOTHING,
    observed="",
    undoable=False,
    undo="this version does not know the kind",
    in_place=InPlace(refused="this version does not know the kind"),
)


def module_of(kind: str) -> str:
    """Return the module name of a kind, by its word: ``rolling_update``."""
    return kind.replace("-", "_")


def facts_of(kind: str) -> ChangeFacts:
    """Return the facts of a kind by its word; for an unknown word, facts that claim nothing."""
    return CHANGE_KINDS[kind].facts if kind in CHANGE_KINDS else _UNKNOWN


def substituted(value: Any, number: int) -> Any:
    """Return a value with ``{time}`` in all its strings replaced by the number of the repetition."""
    if isinstance(value, str):
        return value.replace("{time}", str(number))
    if isinstance(value, Mapping):
        return {key: substituted(item, number) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substituted(item, number) for item in value]
    return value


def _containers(target: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the containers of an object's template of pods; none if the object is malformed."""
    here: Any = target
    for name in ("spec", "template", "spec", "containers"):
        here = here.get(name) if isinstance(here, Mapping) else None
    return [container for container in here if isinstance(container, Mapping)] if isinstance(here, list) else []


def _layered(below: Mapping[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return two merge patches as one; a null, which deletes a field, is kept."""
    both = {
        key: _layered(below[key], above[key])
        for key in below.keys() & above.keys()
        if isinstance(below[key], Mapping) and isinstance(above[key], Mapping)
    }
    return {**below, **above, **both}
