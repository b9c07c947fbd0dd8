"""Probes and hooks: what one container meets from its start to its end."""

from __future__ import annotations

from typing import Any

from differential.observing import Object
from differential.running import Case, Step
from differential.timeline_cases.parts import (
    app,
    create,
    delete,
    echo,
    gone,
    http,
    patch,
    pause,
    pod,
    ready,
    said,
    served,
    service,
)


def _case(name: str, *steps: Step, **more: Any) -> Case:
    return Case(name, "kubelet", steps, **more)


def _until_ready(name: str, container: Object, **spec: Any) -> Case:
    """Return a case that ends when the pod is ready."""
    return _case(name, create(service()), create(pod(container, **spec)), served(), pause(0.5))


def _never_ready(name: str, container: Object, seconds: float = 4, **spec: Any) -> Case:
    """Return a case whose pod is looked at for a while after it runs."""
    runs = said("pod p", "phase", "Running")
    return _case(name, create(service()), create(pod(container, **spec)), runs, pause(seconds))


def _ended(name: str, container: Object, *, options: Object | None = None, **spec: Any) -> Case:
    """Return a case that deletes a ready pod that is no longer young, and ends when it is gone."""
    steps = (create(service()), create(pod(container, **spec)), ready(), pause(3.5))
    return _case(name, *steps, delete("pods/p", **(options or {})), gone(), pause(0.5))


def _hook(**handler: Any) -> Object:
    return {"preStop": handler}


_STARTS = (
    _until_ready("start without a probe", app()),
    _until_ready("start without a probe, http-echo", echo()),
    _until_ready("readiness once a second", app(readinessProbe=http())),
    _until_ready(
        "readiness every ten seconds, opens after 0.7 s",
        app(env={"OPEN": "0.7"}, readinessProbe=http(periodSeconds=10)),
    ),
    _until_ready(
        "readiness every five seconds, opens after 2.5 s",
        app(env={"OPEN": "2.5"}, readinessProbe=http(periodSeconds=5)),
    ),
    _until_ready("readiness by TCP", app(readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1})),
    _until_ready("readiness by command", app(readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 1})),
    _until_ready(
        "readiness by a named port",
        app(ports=[{"containerPort": 8080, "name": "web"}], readinessProbe=http(port="web")),
    ),
    _until_ready("readiness after two successes", app(readinessProbe=http(successThreshold=2))),
    _until_ready(
        "readiness after three successes every two seconds",
        app(readinessProbe=http(successThreshold=3, periodSeconds=2)),
    ),
    _until_ready("readiness with an initial delay of 3 s", app(readinessProbe=http(initialDelaySeconds=3))),
    _until_ready(
        "readiness with an initial delay, every five seconds",
        app(readinessProbe=http(initialDelaySeconds=2, periodSeconds=5)),
    ),
    _until_ready("readiness follows a redirect on the same host", app(env={"MOVED": "/ready"}, readinessProbe=http())),
    _until_ready(
        "readiness of a slow answer within its timeout",
        app(env={"SLOW": "/ready:1.5"}, readinessProbe=http(timeoutSeconds=3)),
    ),
    _until_ready(
        "readiness with a header",
        app(
            readinessProbe={
                "httpGet": {"path": "/ready", "port": 8080, "httpHeaders": [{"name": "User-Agent", "value": "mine"}]},
                "periodSeconds": 1,
            }
        ),
    ),
    _never_ready(
        "readiness of a slow answer beyond its timeout",
        app(env={"SLOW": "/ready:3"}, readinessProbe=http(timeoutSeconds=1)),
    ),
    _never_ready("readiness answered with 500", app(env={"FAIL": "/ready:0-"}, readinessProbe=http())),
    _never_ready("readiness on a closed port", app(readinessProbe=http(port=9))),
    _never_ready(
        "readiness by TCP on a closed port", app(readinessProbe={"tcpSocket": {"port": 9}, "periodSeconds": 1})
    ),
    _never_ready(
        "readiness by a command that fails", app(readinessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1})
    ),
    _never_ready(
        "readiness by a command that does not exist",
        app(readinessProbe={"exec": {"command": ["/none"]}, "periodSeconds": 1}),
    ),
    _never_ready("readiness by an unknown port name", app(readinessProbe=http(port="none"))),
    _never_ready(
        "readiness gate that nobody fulfils",
        app(readinessProbe=http()),
        readinessGates=[{"conditionType": "example.com/a"}],
    ),
    _until_ready("startup probe passes at once", app(startupProbe=http("/start"), readinessProbe=http())),
    _until_ready(
        "startup probe of a slow start",
        app(env={"OPEN": "2.5"}, startupProbe=http("/start"), readinessProbe=http(periodSeconds=10)),
    ),
    _until_ready(
        "startup probe every two seconds", app(env={"OPEN": "1"}, startupProbe=http("/start", periodSeconds=2))
    ),
    _case(
        "startup probe gives up",
        create(pod(app(startupProbe=http("/start", port=9, failureThreshold=2)))),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "readiness gate is fulfilled",
        create(service()),
        create(pod(app(readinessProbe=http()), readinessGates=[{"conditionType": "example.com/a"}])),
        said("pod p", "ContainersReady", "True"),
        pause(1.5),
        patch("pods/p/status", {"status": {"conditions": [{"type": "example.com/a", "status": "True"}]}}),
        pause(2.5),
    ),
    _until_ready("postStart sleeps 2 s", app(lifecycle={"postStart": {"sleep": {"seconds": 2}}})),
    _until_ready("postStart by command", app(lifecycle={"postStart": {"exec": {"command": ["sleep", "1"]}}})),
    _case(
        "postStart fails",
        create(pod(app(lifecycle={"postStart": {"exec": {"command": ["false"]}}}))),
        said("pod p", "event Warning FailedPostStartHook", "said"),
        pause(2),
    ),
)

_WHILE_RUNNING = (
    _case(
        "readiness fails and recovers",
        create(service()),
        create(pod(app(env={"FAIL": "/ready:3-6"}, readinessProbe=http(failureThreshold=1)))),
        said("pod p", "Ready", "True", 2),
        pause(0.5),
    ),
    _case(
        "readiness fails three times, then recovers",
        create(service()),
        create(pod(app(env={"FAIL": "/ready:2-7"}, readinessProbe=http(failureThreshold=3)))),
        said("pod p", "Ready", "True", 2),
        pause(0.5),
    ),
    _case(
        "readiness blinks for less than its threshold",
        create(service()),
        create(pod(app(env={"FAIL": "/ready:3-4.2"}, readinessProbe=http(failureThreshold=3)))),
        ready(),
        pause(6),
    ),
    _case(
        "readiness needs two successes again",
        create(service()),
        create(pod(app(env={"FAIL": "/ready:3-4.5"}, readinessProbe=http(failureThreshold=1, successThreshold=2)))),
        said("pod p", "Ready", "True", 2),
        pause(0.5),
    ),
    _case("liveness passes", create(pod(app(livenessProbe=http("/live")))), ready(), pause(4)),
    _case(
        "liveness of an app that opens after 1.6 s",
        create(pod(app(env={"OPEN": "1.6"}, livenessProbe=http("/live")))),
        ready(),
        pause(6),
    ),
    _case(
        "liveness every two seconds of an app that opens after 2.5 s",
        create(pod(app(env={"OPEN": "2.5"}, livenessProbe=http("/live", periodSeconds=2, failureThreshold=2)))),
        ready(),
        pause(6),
    ),
    _case(
        "liveness once a second of http-echo",
        create(pod(echo(livenessProbe=http("/", port=5678, failureThreshold=1)))),
        ready(),
        pause(4),
    ),
    _case(
        "liveness fails",
        create(service()),
        create(pod(app(env={"FAIL": "/live:3-"}, livenessProbe=http("/live", failureThreshold=2)))),
        said("pod p", "container app", "running #1"),
        pause(1.5),
    ),
    _case(
        "liveness fails again and again",
        create(service()),
        create(pod(app(env={"FAIL": "/live:2-"}, livenessProbe=http("/live", failureThreshold=2)))),
        said("pod p", "container app", "waiting CrashLoopBackOff*"),
        pause(1.5),
    ),
    _case(
        "liveness fails, OnFailure, and TERM ends with code 0",
        create(
            pod(
                app(env={"FAIL": "/live:2-"}, livenessProbe=http("/live", failureThreshold=2)),
                restartPolicy="OnFailure",
            )
        ),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "liveness fails, TERM is ignored",
        create(
            pod(
                app(env={"FAIL": "/live:2-", "TERM": "ignore"}, livenessProbe=http("/live", failureThreshold=1)),
                terminationGracePeriodSeconds=2,
            )
        ),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "liveness fails with a grace period of its own",
        create(
            pod(
                app(
                    env={"FAIL": "/live:2-", "TERM": "ignore"},
                    livenessProbe=http("/live", failureThreshold=1, terminationGracePeriodSeconds=1),
                ),
                terminationGracePeriodSeconds=10,
            )
        ),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "liveness fails with a preStop",
        create(service()),
        create(
            pod(
                app(
                    env={"FAIL": "/live:2-"},
                    livenessProbe=http("/live", failureThreshold=1),
                    lifecycle=_hook(sleep={"seconds": 2}),
                ),
                terminationGracePeriodSeconds=10,
            )
        ),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "liveness hangs",
        create(pod(app(env={"SLOW": "/live:30"}, livenessProbe=http("/live", failureThreshold=2, timeoutSeconds=1)))),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "liveness by a command that fails",
        create(pod(app(livenessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 2}))),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "liveness waits for the startup probe",
        create(
            pod(app(env={"OPEN": "2.5"}, startupProbe=http("/start"), livenessProbe=http("/live", failureThreshold=1)))
        ),
        ready(),
        pause(3),
    ),
    _case(
        "liveness with an initial delay",
        create(
            pod(app(env={"FAIL": "/live:0-"}, livenessProbe=http("/live", failureThreshold=1, initialDelaySeconds=4)))
        ),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
)

_ENDS = (
    _ended("end at TERM", app(readinessProbe=http())),
    _ended("end without a probe", app()),
    _ended("end of http-echo 1.0", echo()),
    _ended("end of http-echo 0.2.3, which ignores TERM", echo("0.2.3"), terminationGracePeriodSeconds=2),
    _ended("TERM is ignored", app(env={"TERM": "ignore"}), terminationGracePeriodSeconds=2),
    _ended("TERM takes 1.5 s", app(env={"TERM": "1.5:0"}, readinessProbe=http())),
    _ended("TERM ends with code 3", app(env={"TERM": "0:3"})),
    _ended("preStop sleeps 2 s", app(readinessProbe=http(), lifecycle=_hook(sleep={"seconds": 2}))),
    _ended("preStop sleeps 0 s", app(lifecycle=_hook(sleep={"seconds": 0}))),
    _ended(
        "preStop sleeps as long as the grace period",
        app(lifecycle=_hook(sleep={"seconds": 3})),
        terminationGracePeriodSeconds=3,
    ),
    _ended("preStop by command", app(lifecycle=_hook(exec={"command": ["sleep", "1.5"]}))),
    _ended("preStop by a command that fails", app(lifecycle=_hook(exec={"command": ["false"]}))),
    _ended("preStop by a command that does not exist", app(lifecycle=_hook(exec={"command": ["/none"]}))),
    _ended(
        "preStop by a command longer than the grace period",
        app(lifecycle=_hook(exec={"command": ["sleep", "9"]})),
        terminationGracePeriodSeconds=2,
    ),
    _ended(
        "preStop by a command longer than the grace period, TERM is ignored",
        app(env={"TERM": "ignore"}, lifecycle=_hook(exec={"command": ["sleep", "9"]})),
        terminationGracePeriodSeconds=2,
    ),
    _ended("preStop by HTTP", app(lifecycle=_hook(httpGet={"path": "/bye", "port": 8080}))),
    _ended(
        "preStop by HTTP, answered late",
        app(env={"SLOW": "/bye:1.5"}, lifecycle=_hook(httpGet={"path": "/bye", "port": 8080})),
    ),
    _ended(
        "preStop by HTTP, answered with 500",
        app(env={"FAIL": "/bye:0-"}, lifecycle=_hook(httpGet={"path": "/bye", "port": 8080})),
    ),
    _ended("preStop by HTTP on a closed port", app(lifecycle=_hook(httpGet={"path": "/bye", "port": 9}))),
    _ended(
        "preStop by HTTP longer than the grace period",
        app(env={"SLOW": "/bye:9"}, lifecycle=_hook(httpGet={"path": "/bye", "port": 8080})),
        terminationGracePeriodSeconds=2,
    ),
    _ended("preStop by TCP, which no kubelet has", app(lifecycle=_hook(tcpSocket={"port": 8080}))),
    _ended(
        "readiness fails during the preStop",
        app(env={"FAIL": "/ready:5-"}, readinessProbe=http(failureThreshold=1), lifecycle=_hook(sleep={"seconds": 3})),
        terminationGracePeriodSeconds=8,
    ),
    _ended(
        "readiness fails and recovers during the preStop",
        app(env={"FAIL": "/ready:5-7"}, readinessProbe=http(failureThreshold=1), lifecycle=_hook(sleep={"seconds": 6})),
        terminationGracePeriodSeconds=12,
    ),
    _ended(
        "liveness fails during the preStop",
        app(
            env={"FAIL": "/live:5-"},
            livenessProbe=http("/live", failureThreshold=1),
            lifecycle=_hook(sleep={"seconds": 3}),
        ),
        terminationGracePeriodSeconds=8,
    ),
    _ended("deletion with a grace period of 1 s", app(env={"TERM": "ignore"}), options={"gracePeriodSeconds": 1}),
    _ended("deletion with a grace period of 0 s", app(env={"TERM": "1:0"}), options={"gracePeriodSeconds": 0}),
    _ended("deletion with a longer grace period", app(env={"TERM": "5:0"}), options={"gracePeriodSeconds": 12}),
    _ended("a pod's own grace period of 0 s", app(env={"TERM": "1:0"}), terminationGracePeriodSeconds=0),
    _ended(
        "a pod's own grace period of 1 s, TERM is ignored", app(env={"TERM": "ignore"}), terminationGracePeriodSeconds=1
    ),
    _case(
        "forced deletion during a preStop",
        create(pod(app(env={"TERM": "1:0"}, lifecycle=_hook(sleep={"seconds": 6})), terminationGracePeriodSeconds=12)),
        ready(),
        pause(3.5),
        delete("pods/p"),
        pause(1),
        delete("pods/p", gracePeriodSeconds=0),
        pause(8),
    ),
    _case(
        "second deletion with a shorter grace period",
        create(pod(app(env={"TERM": "4:0"}), terminationGracePeriodSeconds=12)),
        ready(),
        pause(3.5),
        delete("pods/p"),
        pause(1),
        delete("pods/p", gracePeriodSeconds=1),
        gone(),
        pause(0.5),
    ),
    _case(
        "second deletion with the same grace period",
        create(pod(app(env={"TERM": "3:0"}), terminationGracePeriodSeconds=6)),
        ready(),
        pause(3.5),
        delete("pods/p"),
        pause(1),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case(
        "deletion of a young pod",
        create(service()),
        create(pod(app())),
        ready(),
        delete("pods/p"),
        gone(),
        pause(0.5),
        slack=2.5,
    ),
    _case(
        "deletion of a pod that is not ready yet",
        create(service()),
        create(pod(app(readinessProbe=http(port=9)))),
        said("pod p", "phase", "Running"),
        pause(3.5),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case(
        "deletion of a pod that has not started",
        create(pod(app(), nodeSelector={"nowhere": "true"})),
        pause(1),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case("deletion with a dry run", create(pod(app())), ready(), delete("pods/p", dryRun=["All"]), pause(2)),
    _case(
        "deletion of a pod with a finalizer",
        create(pod(app())),
        ready(),
        pause(3),
        patch("pods/p", {"metadata": {"finalizers": ["example.com/a"]}}),
        delete("pods/p"),
        pause(3),
        patch("pods/p", {"metadata": {"finalizers": None}}),
        gone(),
        pause(0.5),
    ),
)

CASES = (*_STARTS, *_WHILE_RUNNING, *_ENDS)
