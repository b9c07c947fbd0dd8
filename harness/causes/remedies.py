"""Makes remedies: patches of the workload's objects, with their text and the command that applies them."""

from __future__ import annotations

import difflib
import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from harness.causes.context import STOP_S, LossContext
from harness.causes.pods import DEFAULT_GRACE_S, Hook, serving_container
from harness.kube.manifests import name_of
from harness.kube.nested import at
from harness.kube.strategic import strategic_merge
from harness.model.annotations import NGINX
from harness.model.causes import RemedyPatch
from harness.model.experiment import Manifest

#: The annotation that says when the proxy tries another server.
NEXT_UPSTREAM = f"{NGINX}proxy-next-upstream"
#: Seconds added to the longest time that was derived or seen, for what neither covers.
MARGIN_S = 1
#: Seconds between the end of a preStop hook and the end of the grace period, for the application to stop.
STOPPING_S = 5.0
_PATCH_TYPE = "strategic"
_CONTEXT_LINES = 3


def whole_seconds(*needed: float) -> int:
    """Return the whole seconds that outlast all of some times, with a margin."""
    return math.ceil(max(needed) - 1e-9) + MARGIN_S


def remedy(manifest: Manifest, field: str, patch: Mapping[str, Any]) -> RemedyPatch:
    """Return the remedy that patches an object."""
    return RemedyPatch(f"{manifest['kind']}/{name_of(manifest)}", field, patch, _diff(manifest, patch))


def patch_text(found: RemedyPatch) -> str:
    """Return the patch as YAML; empty if there is none."""
    return yaml.safe_dump(dict(found.patch), sort_keys=False, default_flow_style=False) if found.patch else ""


def command(found: RemedyPatch) -> str:
    """Return the command that applies a remedy; empty if there is no patch."""
    if not found.patch:
        return ""
    kind, _, name = found.object.partition("/")
    words = ["kubectl", "patch", kind.lower(), name]
    words += ["--namespace", found.namespace] if found.namespace else []
    return shlex.join([*words, "--type", _PATCH_TYPE, "--patch", json.dumps(found.patch, separators=(", ", ": "))])


def applied(manifest: Manifest, found: Iterable[RemedyPatch]) -> Manifest:
    """Return an object with all of its remedies applied.

    Two causes may ask for different numbers in one field, such as a grace period. The larger one serves both.
    """
    whole: Mapping[str, Any] = {}
    for each in found:
        if each.object == f"{manifest.get('kind')}/{name_of(manifest)}":
            whole = _both(whole, each.patch)
    return strategic_merge(manifest, whole)


def covers(one: RemedyPatch, other: RemedyPatch) -> bool:
    """Return True if a remedy does all that another one does."""
    return one.object == other.object and _both(other.patch, one.patch) == one.patch


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a patch that does what two patches do."""
    return {**one, **{key: _larger(one[key], value) if key in one else value for key, value in other.items()}}


def _larger(one: Any, other: Any) -> Any:
    """Return the larger of two numbers, or both of two objects or lists of named objects, or else the second value."""
    match one, other:
        case int() | float(), int() | float():
            return max(one, other)
        case Mapping(), Mapping():
            return _both(one, other)
        case list(), list() if all("name" in each for each in (*one, *other) if isinstance(each, Mapping)):
            return _both_named(one, other)
        case _:
            return other


def _both_named(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """Return the objects of two lists, those of one name as one; a list of something else replaces the first one."""
    if not all(isinstance(each, Mapping) for each in (*one, *other)):
        return list(other)
    found: dict[str, Any] = {each["name"]: each for each in one}
    for each in other:
        found[each["name"]] = _both(found.get(each["name"], {}), each)
    return list(found.values())


def pod_patch(
    deployment: Manifest, container: Mapping[str, Any], pod: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the patch of a Deployment that changes its serving container, and fields of its pods."""
    own = {"name": serving_container(deployment).get("name"), **container}
    return {"spec": {"template": {"spec": {**(pod or {}), "containers": [own]}}}}


def sleep_before_stop(deployment: Manifest, seconds: int, answer_s: float) -> RemedyPatch:
    """Return the remedy that lets the pods of a Deployment serve for some seconds after their deletion.

    Args:
        deployment: The Deployment.
        seconds: Duration of the sleep.
        answer_s: Longest time that the application takes to answer: the grace period has to outlast that, too.
    """
    container = serving_container(deployment)
    old = at(container, "lifecycle", "preStop") or {}
    hook: dict[str, Any] = {**{kind: None for kind in old if kind != "sleep"}, "sleep": {"seconds": seconds}}
    longer = max(math.ceil(seconds + STOPPING_S), whole_seconds(seconds + answer_s + STOP_S))
    pod = {"terminationGracePeriodSeconds": longer} if _grace_s(deployment) < longer else {}
    field = f"spec.template.spec.containers[{container.get('name')}].lifecycle.preStop.sleep.seconds"
    return remedy(deployment, field, pod_patch(deployment, {"lifecycle": {"preStop": hook}}, pod))


def longer_grace(deployment: Manifest, seconds: int) -> RemedyPatch:
    """Return the remedy that gives the pods of a Deployment more time to end."""
    field = "spec.template.spec.terminationGracePeriodSeconds"
    pod = {"terminationGracePeriodSeconds": seconds}
    return remedy(deployment, field, {"spec": {"template": {"spec": pod}}})


def readiness_probe(deployment: Manifest, path: str) -> RemedyPatch:
    """Return the remedy that keeps requests from a pod until it answers."""
    container = serving_container(deployment)
    port = next((each.get("containerPort") for each in container.get("ports") or ()), None)
    probe = {"httpGet": {"path": path, "port": port}, "periodSeconds": 1, "failureThreshold": 1}
    field = f"spec.template.spec.containers[{container.get('name')}].readinessProbe"
    return remedy(deployment, field, pod_patch(deployment, {"readinessProbe": probe}))


def more_replicas(deployment: Manifest, replicas: int, context: LossContext) -> RemedyPatch:
    """Return the remedy that runs more pods, each of which serves for long enough after its deletion."""
    return remedy(deployment, "spec.replicas", _with_sleep(deployment, {"replicas": replicas}, context))


def surge_first(deployment: Manifest, context: LossContext) -> RemedyPatch:
    """Return the remedy that starts the new pod before an old one ends, which then serves for long enough."""
    rolling = {"maxUnavailable": 0, "maxSurge": 1}
    strategy = {"$retainKeys": ["type", "rollingUpdate"], "type": "RollingUpdate", "rollingUpdate": rolling}
    was = at(deployment, "spec", "strategy", "type")
    field = "spec.strategy.type" if was == "Recreate" else "spec.strategy.rollingUpdate.maxUnavailable"
    return remedy(deployment, field, _with_sleep(deployment, {"strategy": strategy}, context))


def _with_sleep(deployment: Manifest, spec: Mapping[str, Any], context: LossContext) -> dict[str, Any]:
    """Return the patch of fields of a Deployment's spec, with a preStop sleep if its pods end too soon without one.

    The other pods can take over only if an ended one serves until all know of its end. A hook that fails, or that the
    grace period cuts, does not keep it so long.
    """
    serves_s = min(Hook.of(serving_container(deployment)).seconds, _grace_s(deployment))
    if serves_s >= context.needed_s and not context.fails_hook(name_of(deployment)):
        return {"spec": dict(spec)}
    sleep = sleep_before_stop(deployment, whole_seconds(context.needed_s), context.answer_s)
    return {"spec": {**spec, **sleep.patch["spec"]}}


def _grace_s(deployment: Manifest) -> float:
    """Return the grace period of the pods of a Deployment, seconds."""
    found = at(deployment, "spec", "template", "spec", "terminationGracePeriodSeconds")
    return DEFAULT_GRACE_S if found is None else float(found)


def next_upstream(ingress: Manifest) -> RemedyPatch:
    """Return the remedy that lets ingress-nginx try again, which only hides losses."""
    patch = {"metadata": {"annotations": {NEXT_UPSTREAM: "error timeout http_502 non_idempotent"}}}
    return replace(remedy(ingress, f"metadata.annotations[{NEXT_UPSTREAM}]", patch), hides=True)


def _diff(manifest: Manifest, patch: Mapping[str, Any]) -> str:
    """Return the difference that a patch makes, as a unified diff of the object's YAML."""
    before, after = _lines(manifest), _lines(strategic_merge(manifest, patch))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=_CONTEXT_LINES))
    return "\n".join(lines[2:])


def _lines(manifest: Manifest) -> list[str]:
    return yaml.safe_dump(dict(manifest), sort_keys=False, default_flow_style=False).splitlines()
