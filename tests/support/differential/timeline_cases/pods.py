"""Several containers, ends of containers, restarts, and what becomes of a pod."""

from __future__ import annotations

from typing import Any

from differential.running import Case, Step
from differential.timeline_cases.parts import (
    app,
    create,
    delete,
    echo,
    evict,
    gone,
    http,
    patch,
    pause,
    pod,
    ready,
    said,
    served,
    service,
    shell,
)


def _case(name: str, *steps: Step, **more: Any) -> Case:
    return Case(name, "kubelet", steps, **more)


_SIDE = {"PORT": "8081"}

CASES = (
    # Ends of containers.
    _case(
        "container ends with code 0, Always",
        create(service()),
        create(pod(app(env={"EXIT": "2:0"}))),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "container ends with code 1, Always",
        create(service()),
        create(pod(app(env={"EXIT": "2:1"}))),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "container crashes twice",
        create(service()),
        create(pod(app(env={"EXIT": "1:1"}))),
        said("pod p", "container app", "running #2"),
        pause(0.5),
        slack=4,
    ),
    _case(
        "container with a probe ends",
        create(service()),
        create(pod(app(env={"EXIT": "4:1"}, readinessProbe=http()))),
        said("pod p", "Ready", "True", 2),
        pause(0.5),
    ),
    _case(
        "container ends with code 0, OnFailure",
        create(pod(app(env={"EXIT": "2:0"}), restartPolicy="OnFailure")),
        said("pod p", "phase", "Succeeded"),
        pause(1),
    ),
    _case(
        "container ends with code 1, OnFailure",
        create(pod(app(env={"EXIT": "2:1"}), restartPolicy="OnFailure")),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    _case(
        "container ends with code 0, Never",
        create(service()),
        create(pod(app(env={"EXIT": "2:0"}), restartPolicy="Never")),
        said("pod p", "phase", "Succeeded"),
        pause(1),
    ),
    _case(
        "container ends with code 1, Never",
        create(service()),
        create(pod(app(env={"EXIT": "2:1"}), restartPolicy="Never")),
        said("pod p", "phase", "Failed"),
        pause(1),
    ),
    _case(
        "liveness fails, Never",
        create(
            pod(app(env={"FAIL": "/live:2-"}, livenessProbe=http("/live", failureThreshold=1)), restartPolicy="Never")
        ),
        said("pod p", "phase", "Succeeded"),
        pause(1),
    ),
    _case(
        "deletion of a pod that has succeeded",
        create(pod(app(env={"EXIT": "2:0"}), restartPolicy="Never")),
        said("pod p", "phase", "Succeeded"),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case(
        "deletion of a pod that waits for its restart",
        create(pod(app(env={"EXIT": "0.5:1"}))),
        said("pod p", "container app", "waiting CrashLoopBackOff*"),
        pause(1),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case(
        "program does not exist",
        create(pod(app(command=["/none"]))),
        said("pod p", "container app", "waiting*", 2),
        pause(3),
        slack=4,
    ),
    _case(
        "image is not there, Never pulled",
        create(pod(app(image="example.invalid/none:1", imagePullPolicy="Never"))),
        said("pod p", "container app", "waiting ErrImageNeverPull"),
        pause(2),
    ),
    _case(
        "image is replaced in a running pod",
        create(pod(echo("1.0"))),
        ready(),
        pause(3),
        patch(
            "pods/p",
            [{"op": "replace", "path": "/spec/containers/0/image", "value": "hashicorp/http-echo:0.2.3"}],
            "json",
        ),
        said("pod p", "container app", "running #1"),
        pause(1),
    ),
    # Several containers.
    _case(
        "two containers",
        create(service()),
        create(pod(app(readinessProbe=http()), app("side", env=_SIDE))),
        ready(),
        pause(0.5),
    ),
    _case(
        "two containers, one is never ready",
        create(service()),
        create(pod(app(readinessProbe=http()), app("side", env=_SIDE, readinessProbe=http(port=9)))),
        said("pod p", "phase", "Running"),
        pause(4),
    ),
    _case(
        "two containers, one ends, Always",
        create(service()),
        create(pod(app(), app("side", env=_SIDE | {"EXIT": "2:1"}))),
        said("pod p", "container side", "running #1"),
        pause(1),
    ),
    _case(
        "two containers, one ends, Never",
        create(service()),
        create(pod(app(), app("side", env=_SIDE | {"EXIT": "2:1"}), restartPolicy="Never")),
        said("pod p", "container side", "terminated Error 1"),
        pause(2),
    ),
    _case(
        "two containers, both end, Never",
        create(pod(app(env={"EXIT": "2:0"}), app("side", env=_SIDE | {"EXIT": "3:0"}), restartPolicy="Never")),
        said("pod p", "phase", "Succeeded"),
        pause(0.5),
    ),
    _case(
        "two containers, both end, one badly, Never",
        create(pod(app(env={"EXIT": "2:0"}), app("side", env=_SIDE | {"EXIT": "3:2"}), restartPolicy="Never")),
        said("pod p", "phase", "Failed"),
        pause(0.5),
    ),
    _case(
        "two containers end at TERM",
        create(service()),
        create(pod(app(), app("side", env=_SIDE | {"TERM": "2:0"}))),
        ready(),
        pause(3.5),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case(
        "two containers, one with a preStop",
        create(service()),
        create(pod(app(lifecycle={"preStop": {"sleep": {"seconds": 2}}}), app("side", env=_SIDE))),
        ready(),
        pause(3.5),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case(
        "two containers, one ignores TERM",
        create(pod(app(env={"TERM": "ignore"}), app("side", env=_SIDE), terminationGracePeriodSeconds=2)),
        ready(),
        pause(3.5),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    _case(
        "postStart holds back the second container",
        create(pod(app(lifecycle={"postStart": {"exec": {"command": ["sleep", "2"]}}}), app("side", env=_SIDE))),
        ready(),
        pause(0.5),
    ),
    # Init containers and sidecars.
    _case("init container", create(pod(app(), initContainers=[shell("init", "sleep", "1")])), ready(), pause(0.5)),
    _case(
        "two init containers",
        create(pod(app(), initContainers=[shell("one", "sleep", "1"), shell("two", "true")])),
        ready(),
        pause(0.5),
    ),
    _case(
        "init container fails, Never",
        create(pod(app(), restartPolicy="Never", initContainers=[shell("init", "false")])),
        said("pod p", "phase", "Failed"),
        pause(0.5),
    ),
    _case(
        "sidecar",
        create(service()),
        create(pod(app(readinessProbe=http()), initContainers=[app("side", env=_SIDE, restartPolicy="Always")])),
        ready(),
        pause(3.5),
        delete("pods/p"),
        gone(),
        pause(0.5),
    ),
    # Eviction, conditions, phases.
    _case("eviction", create(service()), create(pod(app())), ready(), pause(3.5), evict("pods/p"), gone(), pause(0.5)),
    _case(
        "a condition of a user's",
        create(pod(app())),
        ready(),
        patch("pods/p/status", {"status": {"conditions": [{"type": "example.com/a", "status": "True"}]}}),
        pause(1.5),
    ),
    _case("a pod that fits no node", create(pod(app(), nodeSelector={"nowhere": "true"})), pause(5)),
    _case(
        "active deadline",
        create(pod(app(), activeDeadlineSeconds=4)),
        said("pod p", "phase", "Failed"),
        pause(1),
        slack=3,
    ),
    _case(
        "labels of a running pod change",
        create(service()),
        create(pod(app())),
        served(),
        patch("pods/p", {"metadata": {"labels": {"app": "other"}}}),
        said("service s", "to p", "absent"),
        patch("pods/p", {"metadata": {"labels": {"app": "p"}}}),
        said("service s", "to p", "ready*", 2),
        pause(0.5),
    ),
)
