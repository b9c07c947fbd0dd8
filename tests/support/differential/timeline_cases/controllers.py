"""Deployments, ReplicaSets and EndpointSlices."""

from __future__ import annotations

from typing import Any

from differential.observing import Object
from differential.running import Case, Step
from differential.timeline_cases.parts import (
    app,
    autoscaler,
    complete,
    create,
    delete,
    deployment,
    echo,
    http,
    patch,
    pause,
    pod,
    ready,
    runs,
    said,
    served,
    service,
    wait,
)


def _case(name: str, *steps: Step, **more: Any) -> Case:
    return Case(name, "controllers", steps, **more)


def _rolling(surge: Any, unavailable: Any) -> Object:
    return {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}


def _change(number: int = 1) -> Step:
    """Change the template, which starts a rollout."""
    return patch("deployments/d", {"spec": {"template": {"metadata": {"annotations": {"change": str(number)}}}}})


def _broken() -> Step:
    """Change the template so that its pods are never ready."""
    probe = {"httpGet": {"path": "/", "port": 9}, "periodSeconds": 1}
    container = {"name": "app", "image": "hashicorp/http-echo:1.0", "imagePullPolicy": "IfNotPresent"}
    return patch(
        "deployments/d", {"spec": {"template": {"spec": {"containers": [container | {"readinessProbe": probe}]}}}}
    )


_PROBED = echo(readinessProbe=http("/", port=5678))
_PORT = [{"port": 80, "targetPort": 5678}]


def _rollout(name: str, replicas: int = 1, container: Object | None = None, **spec: Any) -> Case:
    """Return a case that rolls a Deployment out once, from its creation on."""
    steps = (
        create(service(app="d", ports=_PORT)),
        create(deployment(container or _PROBED, replicas=replicas, **spec)),
        complete(),
        pause(3.5),
        _change(),
        said("replicaset d.2", "replicas", str(replicas)),
        complete(),
        pause(1),
    )
    return _case(name, *steps)


_ROLLOUTS = (
    _rollout("rollout of one pod, defaults"),
    _rollout("rollout of two pods, defaults", 2),
    _rollout("rollout of three pods, defaults", 3),
    _rollout("rollout of four pods, surge 1, unavailable 0", 4, **_rolling(1, 0)),
    _rollout("rollout of four pods, surge 0, unavailable 1", 4, **_rolling(0, 1)),
    _rollout("rollout of four pods, surge 0, unavailable 2", 4, **_rolling(0, 2)),
    _rollout("rollout of three pods, surge 1, unavailable 1", 3, **_rolling(1, 1)),
    _rollout("rollout of three pods, surge 100 %, unavailable 0", 3, **_rolling("100%", 0)),
    _rollout("rollout of three pods, surge 0, unavailable 100 %", 3, **_rolling(0, "100%")),
    _rollout("rollout of three pods, surge 34 %, unavailable 34 %", 3, **_rolling("34%", "34%")),
    _rollout("rollout of one pod, surge 1 %, unavailable 0 %", 1, **_rolling("1%", "0%")),
    _rollout("rollout of one pod, surge 0, unavailable 50 %", 1, **_rolling(0, "50%")),
    _rollout("rollout with minReadySeconds 2", 2, minReadySeconds=2, **_rolling(1, 0)),
    _rollout("rollout without a probe", 2, echo()),
    _rollout("rollout of a container that ignores TERM", 1, echo("0.2.3", readinessProbe=http("/", port=5678))),
    _rollout("rollout with Recreate", 2, strategy={"type": "Recreate"}),
    _rollout("rollout with Recreate of a container that ignores TERM", 1, echo("0.2.3"), strategy={"type": "Recreate"}),
    _rollout(
        "rollout with a preStop",
        1,
        echo(readinessProbe=http("/", port=5678), lifecycle={"preStop": {"sleep": {"seconds": 2}}}),
        pods={"terminationGracePeriodSeconds": 5},
    ),
    _case(
        "rollout without replicas",
        create(deployment(_PROBED, replicas=0)),
        said("deployment d", "Progressing", "True NewReplicaSetAvailable"),
        _change(),
        said("replicaset d.2", "replicas", "0"),
        pause(1),
    ),
    _case(
        "three rollouts on top of each other",
        create(deployment(_PROBED, replicas=3, **_rolling(1, 0))),
        complete(),
        _change(1),
        pause(0.4),
        _change(2),
        pause(0.4),
        _change(3),
        said("replicaset d.4", "replicas", "3"),
        complete(),
        pause(1),
    ),
    _case(
        "rollout back to an older template",
        create(deployment(_PROBED)),
        complete(),
        _change(1),
        said("replicaset d.2", "replicas", "1"),
        complete(),
        patch("deployments/d", {"spec": {"template": {"metadata": {"annotations": None}}}}),
        said("replicaset d.1", "replicas", "1", 2),
        complete(),
        pause(1),
    ),
    _case(
        "broken rollout, surge 1, unavailable 0",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED, replicas=2, **_rolling(1, 0))),
        complete(),
        _broken(),
        said("replicaset d.2", "replicas", "1"),
        pause(4),
    ),
    _case(
        "broken rollout, surge 1, unavailable 1",
        create(deployment(_PROBED, replicas=3, **_rolling(1, 1))),
        complete(),
        _broken(),
        said("replicaset d.2", "replicas", "2"),
        pause(4),
    ),
    _case(
        "broken rollout with a deadline of 3 s",
        create(deployment(_PROBED, progressDeadlineSeconds=3)),
        complete(),
        _broken(),
        said("deployment d", "Progressing", "False ProgressDeadlineExceeded"),
        pause(1),
        slack=3,
    ),
    _case(
        "broken rollout, then fixed",
        create(deployment(_PROBED, replicas=3, **_rolling(1, 1))),
        complete(),
        _broken(),
        said("replicaset d.2", "replicas", "2"),
        pause(2),
        patch(
            "deployments/d",
            {"spec": {"template": {"metadata": {"annotations": {"fixed": "1"}}, "spec": {"containers": [_PROBED]}}}},
        ),
        said("replicaset d.3", "replicas", "3"),
        complete(),
        pause(1),
    ),
    _case(
        "broken rollout, then back",
        create(deployment(_PROBED, replicas=2, **_rolling(1, 0))),
        complete(),
        _broken(),
        said("replicaset d.2", "replicas", "1"),
        pause(2),
        patch("deployments/d", {"spec": {"template": {"spec": {"containers": [_PROBED]}}}}),
        said("replicaset d.2", "replicas", "0"),
        complete(),
        pause(1),
    ),
    _case(
        "scaling in the middle of a broken rollout",
        create(deployment(_PROBED, replicas=4, **_rolling(1, 1))),
        complete(),
        _broken(),
        said("replicaset d.2", "replicas", "2"),
        pause(1),
        patch("deployments/d", {"spec": {"replicas": 8}}),
        pause(3),
        patch("deployments/d", {"spec": {"replicas": 3}}),
        pause(3),
    ),
    _case(
        "paused, changed twice, resumed",
        create(deployment(_PROBED)),
        complete(),
        patch("deployments/d", {"spec": {"paused": True}}),
        _change(1),
        pause(1),
        _change(2),
        pause(1),
        patch("deployments/d", {"spec": {"paused": False}}),
        said("replicaset d.2", "replicas", "1"),
        complete(),
        pause(1),
    ),
    _case(
        "paused in the middle of a rollout",
        create(deployment(_PROBED, replicas=3, **_rolling(1, 0))),
        complete(),
        _change(),
        said("replicaset d.2", "replicas", "1"),
        patch("deployments/d", {"spec": {"paused": True}}),
        pause(5),
        patch("deployments/d", {"spec": {"paused": False}}),
        said("replicaset d.2", "replicas", "3"),
        complete(),
        pause(1),
    ),
    _case(
        "created paused",
        create(deployment(_PROBED, paused=True)),
        pause(2),
        patch("deployments/d", {"spec": {"paused": False}}),
        complete(),
        pause(1),
    ),
    _case(
        "only labels of the Deployment change",
        create(deployment(_PROBED)),
        complete(),
        patch("deployments/d", {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}),
        pause(2),
    ),
    _case(
        "only minReadySeconds changes",
        create(deployment(_PROBED)),
        complete(),
        patch("deployments/d", {"spec": {"minReadySeconds": 1}}),
        pause(3),
    ),
    _case(
        "strategy changes to Recreate",
        create(deployment(_PROBED)),
        complete(),
        patch("deployments/d", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
        pause(1),
        _change(),
        said("replicaset d.2", "replicas", "1"),
        complete(),
        pause(1),
    ),
    _case(
        "history of one revision",
        create(deployment(_PROBED, revisionHistoryLimit=1)),
        complete(),
        _change(1),
        said("replicaset d.2", "replicas", "1"),
        complete(),
        _change(2),
        said("replicaset d.3", "replicas", "1"),
        complete(),
        pause(2),
    ),
    _case(
        "history of no revision",
        create(deployment(_PROBED, revisionHistoryLimit=0)),
        complete(),
        _change(1),
        said("replicaset d.2", "replicas", "1"),
        complete(),
        pause(2),
    ),
)

_SETS = (
    _case(
        "scale up",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED)),
        complete(),
        patch("deployments/d/scale", {"spec": {"replicas": 3}}),
        runs(3),
        complete(),
        pause(0.5),
    ),
    _case(
        "scale down",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED, replicas=3)),
        complete(),
        pause(3),
        patch("deployments/d/scale", {"spec": {"replicas": 1}}),
        runs(1),
        complete(),
        pause(0.5),
    ),
    _case(
        "scale to nothing and back",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED)),
        complete(),
        pause(3),
        patch("deployments/d/scale", {"spec": {"replicas": 0}}),
        runs(0),
        patch("deployments/d/scale", {"spec": {"replicas": 1}}),
        runs(1),
        complete(),
        pause(0.5),
    ),
    _case(
        "a pod is deleted",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED)),
        complete(),
        pause(3.5),
        Step("delete any", "app=d"),
        said("pod d.1/2", "Ready", "True"),
        runs(1),
        pause(1.5),
    ),
    _case(
        "a pod is deleted by force",
        create(deployment(_PROBED)),
        complete(),
        pause(3.5),
        Step("delete any", "app=d", {"gracePeriodSeconds": 0}),
        said("pod d.1/2", "Ready", "True"),
        runs(1),
        pause(1.5),
    ),
    _case(
        "a pod is evicted",
        create(deployment(_PROBED)),
        complete(),
        pause(3.5),
        Step("evict any", "app=d"),
        said("pod d.1/2", "Ready", "True"),
        runs(1),
        pause(1.5),
    ),
    _case(
        "a pod loses its label",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED)),
        complete(),
        Step("patch any", "app=d", {"metadata": {"labels": {"app": "lost"}}}),
        said("pod d.1/2", "Ready", "True"),
        pause(1),
    ),
    _case(
        "a pod loses its label and gets it back",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED)),
        complete(),
        Step("patch any", "app=d", {"metadata": {"labels": {"app": "lost"}}}),
        said("pod d.1/2", "Ready", "True"),
        Step("patch any", "app=lost", {"metadata": {"labels": {"app": "d"}}}),
        runs(1),
        pause(1),
    ),
    _case(
        "a Deployment is deleted",
        create(service(app="d", ports=_PORT)),
        create(deployment(_PROBED, replicas=2)),
        complete(),
        pause(3),
        delete("deployments/d"),
        runs(0),
        pause(0.5),
    ),
    _case(
        "a Deployment is deleted in the foreground",
        create(deployment(_PROBED)),
        complete(),
        pause(3),
        delete("deployments/d", propagationPolicy="Foreground"),
        said("deployment d", "life", "gone"),
        pause(0.5),
    ),
    _case(
        "a Deployment is deleted, its pods are orphans",
        create(deployment(_PROBED)),
        complete(),
        delete("deployments/d", propagationPolicy="Orphan"),
        pause(3),
    ),
    _case(
        "a ReplicaSet is deleted",
        create(deployment(_PROBED)),
        complete(),
        pause(3),
        Step("delete any set", "app=d"),
        wait(
            "a new pod",
            lambda seen: sum(s.startswith("pod ") and a == "life" and v == "there" for _, s, a, v in seen.timeline) > 1,
        ),
        complete(),
        pause(0.5),
    ),
    _case(
        "a Deployment takes an orphan",
        create(pod(_PROBED, name="q", labels={"app": "d"})),
        ready("q"),
        create(deployment(_PROBED)),
        pause(4),
    ),
    _case(
        "crashing pods of a Deployment",
        create(deployment(app(env={"EXIT": "1:1"}), replicas=1)),
        said("pod d.1/1", "container app", "waiting CrashLoopBackOff*"),
        pause(1),
    ),
)

_WEB = {"containerPort": 5678, "name": "web"}

_SLICES = (
    _case("service before its pods", create(service(ports=_PORT)), pause(1), create(pod(_PROBED)), ready(), pause(0.5)),
    _case(
        "service after its pods",
        create(pod(_PROBED)),
        ready(),
        create(service(ports=_PORT)),
        said("service s", "to p", "ready*"),
        pause(0.5),
    ),
    _case("service without pods", create(service(ports=_PORT)), pause(1.5)),
    _case(
        "service without a selector",
        create(service(ports=_PORT, selector=None)),
        create(pod(_PROBED)),
        ready(),
        pause(1),
    ),
    _case(
        "service with a named port",
        create(service(ports=[{"port": 80, "targetPort": "web"}])),
        create(pod(_PROBED | {"ports": [_WEB]})),
        served(),
        pause(0.5),
    ),
    _case(
        "service with a port name that no pod has",
        create(service(ports=[{"port": 80, "targetPort": "none"}])),
        create(pod(_PROBED | {"ports": [_WEB]})),
        served(),
        pause(1),
    ),
    _case(
        "service with two ports",
        create(
            service(ports=[{"name": "a", "port": 80, "targetPort": 5678}, {"name": "b", "port": 81, "targetPort": 9}])
        ),
        create(pod(_PROBED)),
        served(),
        pause(0.5),
    ),
    _case(
        "service with a named port of other numbers",
        create(service(ports=[{"port": 80, "targetPort": "web"}])),
        create(pod(_PROBED | {"ports": [_WEB]})),
        create(pod(_PROBED | {"ports": [{"containerPort": 5679, "name": "web"}]}, name="q")),
        served(),
        served("q"),
        pause(0.5),
    ),
    _case(
        "service with a named port that one pod lacks",
        create(service(ports=[{"port": 80, "targetPort": "web"}])),
        create(pod(_PROBED | {"ports": [_WEB]})),
        create(pod(_PROBED, name="q")),
        served(),
        served("q"),
        pause(0.5),
    ),
    _case(
        "headless service", create(service(ports=_PORT, clusterIP="None")), create(pod(_PROBED)), ready(), pause(0.5)
    ),
    _case(
        "headless service without ports",
        create(service(ports=[], clusterIP="None")),
        create(pod(_PROBED)),
        served(),
        pause(0.5),
    ),
    _case(
        "service publishes what is not ready",
        create(service(ports=_PORT, publishNotReadyAddresses=True)),
        create(pod(echo(readinessProbe=http(port=9)))),
        said("pod p", "phase", "Running"),
        pause(2.5),
    ),
    _case(
        "service publishes what is not ready, a deletion",
        create(service(ports=_PORT, publishNotReadyAddresses=True)),
        create(pod(echo("0.2.3"), terminationGracePeriodSeconds=2)),
        served(),
        pause(3.5),
        delete("pods/p"),
        pause(4),
    ),
    _case(
        "service with session affinity",
        create(service(ports=_PORT, sessionAffinity="ClientIP")),
        create(pod(_PROBED)),
        served(),
        pause(0.5),
    ),
    _case(
        "service of type NodePort",
        create(service(ports=_PORT, type="NodePort")),
        create(pod(_PROBED)),
        served(),
        pause(0.5),
    ),
    _case(
        "selector goes to other pods",
        create(service(ports=_PORT)),
        create(pod(_PROBED)),
        create(pod(_PROBED, name="q", labels={"app": "q"})),
        served(),
        ready("q"),
        patch("services/s", {"spec": {"selector": {"app": "q"}}}),
        said("service s", "to q", "ready*"),
        pause(0.5),
    ),
    _case(
        "selector goes to nobody and back",
        create(service(ports=_PORT)),
        create(pod(_PROBED)),
        served(),
        patch("services/s", {"spec": {"selector": {"app": "none"}}}),
        said("service s", "to p", "absent"),
        patch("services/s", {"spec": {"selector": {"app": "p"}}}),
        said("service s", "to p", "ready*", 2),
        pause(0.5),
    ),
    _case(
        "selector is taken away",
        create(service(ports=_PORT)),
        create(pod(_PROBED)),
        served(),
        patch("services/s", {"spec": {"selector": None}}),
        pause(2),
    ),
    _case(
        "target port changes",
        create(service(ports=_PORT)),
        create(pod(_PROBED)),
        served(),
        patch("services/s", {"spec": {"ports": [{"port": 80, "targetPort": 9, "protocol": "TCP"}]}}),
        pause(1.5),
    ),
    _case(
        "port gets a name",
        create(service(ports=_PORT)),
        create(pod(_PROBED)),
        served(),
        patch("services/s", {"spec": {"ports": [{"name": "web", "port": 80, "targetPort": 5678, "protocol": "TCP"}]}}),
        pause(1.5),
    ),
    _case(
        "service is deleted and made again",
        create(service(ports=_PORT)),
        create(pod(_PROBED)),
        served(),
        delete("services/s"),
        said("service s", "to p", "absent"),
        create(service(ports=_PORT)),
        said("service s", "to p", "ready*", 2),
        pause(0.5),
    ),
    _case(
        "two services of the same pods",
        create(service("s", ports=_PORT)),
        create(service("t", ports=[{"port": 81, "targetPort": 5678}])),
        create(pod(_PROBED)),
        ready(),
        pause(0.5),
    ),
    _case(
        "endpoints while a pod terminates",
        create(service(ports=_PORT)),
        create(pod(echo("0.2.3", readinessProbe=http("/", port=5678)), terminationGracePeriodSeconds=3)),
        served(),
        pause(3.5),
        delete("pods/p"),
        pause(5),
    ),
    _case(
        "endpoints when a pod completes",
        create(service()),
        create(pod(app(env={"EXIT": "3:0"}), restartPolicy="Never")),
        said("pod p", "phase", "Succeeded"),
        pause(1),
    ),
)

_SCALED_TO_2 = said("replicaset d.1", "replicas", "2")
_AUTOSCALERS = (
    _case(
        "autoscaler with a minimum above the replicas",
        create(deployment(_PROBED)),
        complete(),
        create(autoscaler(2, 5)),
        _SCALED_TO_2,
        complete(),
        said("autoscaler h", "ScalingActive", "False FailedGetResourceMetric"),
        pause(1),
    ),
    _case(
        "autoscaler with a maximum below the replicas",
        create(deployment(_PROBED, replicas=3)),
        complete(),
        create(autoscaler(1, 2)),
        _SCALED_TO_2,
        complete(),
        pause(1),
    ),
    _case(
        "autoscaler of a Deployment without replicas",
        create(deployment(_PROBED, replicas=0)),
        create(autoscaler(2, 5)),
        said("autoscaler h", "ScalingActive", "False ScalingDisabled"),
        pause(1),
    ),
    _case(
        "autoscaler of a Deployment that is not there",
        create(autoscaler(2, 5, target="nothing")),
        said("autoscaler h", "AbleToScale", "False FailedGetScale"),
        pause(1),
    ),
)


def _rejected(name: str, **pods: Any) -> Case:
    """Return a case of a Deployment whose pods the API server rejects."""
    made = create(deployment(_PROBED, pods=pods))
    return _case(name, made, said("deployment d", "ReplicaFailure", "True FailedCreate"), pause(1))


_REJECTED = (
    _rejected("deployment of a priority class that is not there", priorityClassName="nothing"),
    _rejected("deployment of a runtime class that is not there", runtimeClassName="nothing"),
    _case(
        "deployment of a built-in priority class",
        create(deployment(_PROBED, pods={"priorityClassName": "system-cluster-critical"})),
        complete(),
        pause(1),
    ),
)

CASES = (*_ROLLOUTS, *_SETS, *_SLICES, *_AUTOSCALERS, *_REJECTED)
