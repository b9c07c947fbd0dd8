"""A command of kubectl, whose effects the harness does not know."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from harness.changes.applied import AppliedChange
from harness.changes.context import ChangeContext, Missing
from harness.changes.pods import is_leaving, names, uid
from harness.changes.repetition import Repetition
from harness.changes.rollouts import workload_missing
from harness.errors import HarnessError
from harness.kit.processes import Ended, attempt, describe_code
from harness.kube.api import Object
from harness.model.changes import Kubectl, substituted
from harness.model.events import Applied

#: Kinds whose objects are compared before and after the command.
_COMPARED = ("Deployment", "StatefulSet", "DaemonSet", "Service", "Ingress", "ConfigMap", "Secret", "Pod")
#: Fields of an object that are not compared: controllers and the server write them. Of the metadata, the fields below
#: are compared.
_NOT_COMPARED = frozenset({"status", "metadata"})
_COMPARED_METADATA = ("labels", "annotations", "deletionTimestamp")
_NOTHING = f"no {', no '.join(_COMPARED)} of the workload differs after the command"
#: Most characters of the output in the evidence.
_OUTPUT = 4000
_MS = 1_000_000


def carry_out(repetition: Repetition[Kubectl]) -> bool:
    """Run the command. Observed when it has ended with code 0, has changed something, and the workload is complete.

    The harness does not know what the command was meant to do: evidence has its exit code, its output and the objects
    that differ after it. A command after which nothing differs is not observed, unless the spec has answers: then it is
    observed when traffic has got them.
    """
    spec, context = repetition.spec, repetition.context

    def make() -> AppliedChange:
        words = substituted(spec.command, repetition.number)
        before, begun = _objects(context), context.clock.now()
        ended = _run(context, words, spec.timeout)
        applied = context.clock.now()
        after = _objects(context)
        changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        detail = Applied(
            command=shlex.join(("kubectl", *words)),
            code=ended.code,
            ms=(applied - begun) // _MS,
            output=(ended.stdout + ended.stderr)[-_OUTPUT:],
            changed=", ".join(changed),
        )
        pointless = _failure(ended) or ("" if changed or spec.answers else _NOTHING)
        return AppliedChange(begun, applied, pointless=pointless, detail=detail)

    def missing(applied: AppliedChange) -> Missing:
        leaving = [pod for pod in context.kube.list("Pod", context.namespace) if is_leaving(pod)]
        return (
            *workload_missing(context),
            *((f"the end of {names(leaving)}",) if leaving else ()),
            *_answers_missing(repetition, applied.begun),
        )

    return repetition.act(make, missing)


def _run(context: ChangeContext, words: list[str], timeout: float) -> Ended:
    """Run kubectl for the trial's namespace of the trial's cluster.

    Raises:
        HarnessError: The harness has not made the cluster, kubectl is not installed, or it did not end in time.
    """
    if context.kubeconfig is None:
        raise HarnessError(
            "A command of kubectl is only run on a cluster that the harness has made.",
            hint="run with --cluster local or kind",
        )
    environment = {**os.environ, "KUBECONFIG": str(context.kubeconfig)}
    return attempt(["kubectl", f"--namespace={context.namespace}", *words], timeout=timeout, env=environment)


def _failure(ended: Ended) -> str:
    """Return why the command counts as failed; empty if it ended with code 0."""
    if ended.code == 0:
        return ""
    errors = ended.stderr.strip().splitlines()
    return f"kubectl {describe_code(ended.code)}" + (f": {errors[-1]}" if errors else "")


def _objects(context: ChangeContext) -> Mapping[str, tuple[str, Object]]:
    """Return uid and specification of the compared objects, by ``KIND/NAME``."""
    return {
        f"{kind}/{found['metadata']['name']}": (uid(found), _written(found))
        for kind in _COMPARED
        for found in context.kube.list(kind, context.namespace)
    }


def _written(found: Object) -> Object:
    """Return the parts of an object that are compared."""
    content = {name: value for name, value in found.items() if name not in _NOT_COMPARED}
    return {**content, **{name: found["metadata"].get(name) for name in _COMPARED_METADATA}}


def _answers_missing(repetition: Repetition[Kubectl], since: int) -> Missing:
    answered = repetition.context.answered
    return tuple(
        f"an answer like {' or '.join(map(repr, globs))} on {route}"
        for route, globs in repetition.spec.answers.items()
        if not any(answered(pattern, since, route) for pattern in globs)
    )
