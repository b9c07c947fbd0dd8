"""The table of what each lossy row of an Experiment was built to do: the causes that its losses may get.

The rows are cells of the golden evidence and of ``experiments/``. A cell that is not in the table loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: The share of a cell's losses that must have a cause of its row.
SHARE = 0.95

_STOPPED_EARLY = frozenset({"listener-closed-early", "network-silent"})
_RELOADED = frozenset({"reload-closed-connection"})

Table = Mapping[str, frozenset[str]]


def _one(code: str) -> frozenset[str]:
    return frozenset({code})


#: Archive of ``tests/golden`` -> cell -> causes.
GOLDEN: Mapping[str, Table] = {
    "hasty": {"absent--blue-green": _one("new-version-not-ready")},
    "in-place-lossy": {"banana--delete-pod": _one("only-pod-deleted")},
    "lifecycle": {
        "bare--rolling-update": _STOPPED_EARLY,
        "bare--delete-pod": _one("only-pod-deleted"),
        "bare--scale-down": _one("scaled-to-zero"),
        "graceful--delete-pod": _one("only-pod-deleted"),
        "graceful--force-delete": _one("only-pod-deleted"),
        "graceful--controller-restart": _one("controller-restarted"),
        "hook-fails--rolling-update": _one("hook-failed"),
    },
    "releases": {"default--rolled-back": _one("scaled-to-zero")},
    "releases-traefik": {"wide--by-header": _one("wrong-version-answered")},
    "rollback": {"default--canary": _one("candidate-answered-wrong")},
    "service-entry": {"bare--rolling-update": _STOPPED_EARLY, "bare--scale": _one("scaled-to-zero")},
    "slow-idle": {"short--delete-pod": _one("killed-in-flight"), "short--ingress-edit": _RELOADED},
    "traefik": {
        "prestop-3--delete-pod": _one("only-pod-deleted"),
        "prestop-3--selector-of-nobody": _one("route-fell-through"),
        "prestop-3--controller-restart": _one("controller-restarted"),
    },
    "workers": {"default--restart": _STOPPED_EARLY},
}

#: Experiment below ``experiments`` -> cell -> causes.
EXPERIMENTS: Mapping[str, Table] = {
    "sabotage-deletion": {
        f"{pod}--{change}": _one("only-pod-deleted")
        for pod in ("no-prestop", "prestop-6")
        for change in ("delete-pod", "force-delete")
    },
    "sabotage-idle": {"default--ingress-edit": _RELOADED},
    "sabotage-reload": {"default--ingress-edit": _RELOADED},
    "sabotage-rollout": {
        "no-prestop--rolling-update": _STOPPED_EARLY,
        "exec-prestop--rolling-update": _one("hook-failed"),
        "prestop-3--eight-updates": _one("prestop-too-short"),
        "slow-start--rolling-update": _one("ready-too-early"),
        "recreate--rolling-update": _one("recreate-strategy"),
    },
    "sabotage-routing": {"graceful--selector-of-nobody": _one("selector-without-pods")},
    "sabotage-slow-answers": {"short--delete-pod": _one("killed-in-flight")},
    "sabotage-traefik": {
        "no-prestop--rolling-update": _STOPPED_EARLY,
        "prestop-3--only-pod-deleted": frozenset({"only-pod-deleted", "route-fell-through"}),
        "prestop-3--selector-of-nobody": _one("route-fell-through"),
    },
    "exercise-1": {
        "no-readiness-probe--rolling-update": _one("ready-too-early"),
        "no-prestop--rolling-update": _STOPPED_EARLY,
        "exec-prestop--rolling-update": _one("hook-failed"),
        "one-unavailable--rolling-update": _one("all-unavailable"),
        "grace-as-prestop--rolling-update": frozenset({"grace-cuts-hook", "prestop-too-short"}),
        "complete--delete-pod": _one("only-pod-deleted"),
        "no-prestop--delete-pod": _one("only-pod-deleted"),
        # Its replacement counts as ready 8 s before it listens.
        "no-readiness-probe--delete-pod": frozenset({"only-pod-deleted", "ready-too-early"}),
    },
    "exercise-1-hook": {
        "cut-short--rolling-update": _one("grace-cuts-hook"),
        **{f"{hook}--delete-pod": _one("only-pod-deleted") for hook in ("fits", "longer-than-grace", "cut-short")},
    },
    "exercise-2-naive": {
        "default--ingress-edit": _RELOADED | {"backend-missing-in-edit"},
        "default--ingress-annotation": _RELOADED,
    },
    "exercise-2": {
        "default--ingress-edit": _RELOADED | {"backend-missing-in-edit"},
        "default--ingress-annotation": _RELOADED,
    },
    "exercise-3-ab": {"wide--by-header": _one("wrong-version-answered")},
    "exercise-3-switch": {
        "ready--to-nobody": _one("selector-without-pods"),
        "absent--hasty": _one("new-version-not-ready"),
        "absent--old-removed-at-once": _one("old-version-removed-at-switch"),
    },
    "hidden-by-retries": {"killed--delete-pod": _one("killed-in-flight")},
    "sent-again-by-client": {
        "killed--delete-pod": _one("killed-in-flight"),
        "graceful--delete-pod": _one("pod-closed-kept-connection"),
    },
    "controller-restart": {"default--controller-restart": _one("controller-restarted")},
    "service-entry": {
        "bare--rolling-update": _STOPPED_EARLY | {"pod-closed-kept-connection"},
        "bare--delete-pod": _one("only-pod-deleted"),
        "bare--scale": _one("scaled-to-zero"),
        "graceful--rolling-update": _one("pod-closed-kept-connection"),
        "graceful--delete-pod": frozenset({"only-pod-deleted", "pod-closed-kept-connection"}),
    },
}


def wrong_causes(verdict: Mapping[str, Any], table: Table) -> list[str]:
    """Return a line for each cell of a ``verdict.json`` whose losses have other causes than its row allows."""
    return [line for cell in verdict["cells"] for line in _wrong(cell, table.get(cell["id"], frozenset()))]


def _wrong(cell: Mapping[str, Any], allowed: Iterable[str]) -> Iterator[str]:
    found: dict[str, int] = {}
    for trial in cell["trials"]:
        for cause in trial["causes"]:
            found[cause["code"]] = found.get(cause["code"], 0) + cause["lost"]
    lost, right = sum(found.values()), sum(found.get(code, 0) for code in allowed)
    if cell["verdict"] == "lossless" and found:
        yield f"{cell['id']}: lossless, and has causes {found}"
    elif cell["verdict"] == "lossy" and (not lost or right < SHARE * lost):
        yield f"{cell['id']}: {right} of {lost} losses have a cause of {sorted(allowed)}: {found}"
