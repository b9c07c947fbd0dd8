"""Write an Experiment as a file that a person reads and edits: each setting with a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from harness.intake.proposal import PRE_STOP_SECONDS, Proposal, ProposedRoute
from harness.model.change_facts import FirstTry
from harness.model.changes import CHANGE_KINDS

_TLS = "  tls: {verify: false}  # HTTP is redirected to HTTPS; any certificate is accepted"
#: Seconds of traffic before the change, seconds after it, and timeout of a request in seconds.
_BASELINE, _SETTLE, _TIMEOUT = 4, 3, 5


def experiment_name(text: str) -> str:
    """Return a name that an Experiment may have, as close to the text as possible."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "workload"


def compose(proposal: Proposal, *, name: str, workload: str, command: str, notices: Iterable[str] = ()) -> str:
    """Return the text of an Experiment file.

    Args:
        proposal: The Experiment.
        name: Its name.
        workload: The file or folder of the manifests, as the Experiment names it.
        command: The command that writes it, for the first line.
        notices: Sentences about what was left out of the manifests.
    """
    lines = [f"# Written by `{command}`. Every line may be changed; `harness validate` checks the file."]
    lines += [f"# {text}." for text in notices]
    lines += [f"# Not used here: {text}." for text in proposal.left]
    if proposal.sets:
        lines.append(
            "# Run it with --cluster kind or --cluster context: the embedded cluster runs only pods of Deployments."
        )
    lines += [
        "version: 1",
        f"name: {_flow(name)}",
        f"workload: {_flow(workload)}",
        f"ingress: {proposal.ingress}",
    ]
    if proposal.entry:
        lines.append(
            f"entry: {_flow({'service': proposal.entry})}  # no Ingress: traffic goes straight to this Service"
        )
    lines += _traffic(proposal)
    lines += _matrix(proposal)
    lines += _changes(proposal)
    return "\n".join(lines) + "\n"


def _traffic(proposal: Proposal) -> list[str]:
    return [
        "traffic:",
        "  rate: 50/s  # of all paths together; 100/s sees an outage of 10 ms",
        "  paths:  # a request without an answer of status 200 to 299 is lost",
        *(f"    - {_flow(_path(route))}  # Service {route.service}" for route in proposal.routes),
        "  methods: [GET]",
        "  connections: [new, reused]",
        *([_TLS] if proposal.tls else []),
        f"  baseline: {_BASELINE}s  # traffic before the change; a loss here is not the change's",
        f"  settle: {_SETTLE}s  # traffic after it",
        f"  timeout: {_TIMEOUT}s",
    ]


def _path(route: ProposedRoute) -> dict[str, str]:
    written = {"path": route.path, "host": route.host, "name": route.name}
    return {field: value for field, value in written.items() if value}


def _matrix(proposal: Proposal) -> list[str]:
    if proposal.sets:
        return ["# A remedy is proposed for Deployments only: compare patches of your own under `matrix`."]
    if not proposal.remedies:
        return [
            "# Every container with a port has a preStop hook and a readiness probe: there is no remedy to compare."
        ]
    return [
        "matrix:  # each configuration goes through every change",
        "  remedy:",
        "    as-is: {}",
        f"    graceful:  # a preStop sleep of {PRE_STOP_SECONDS} s outlasts the ingress controller's sync;",
        "      patch:   # a readiness probe keeps requests from a pod that does not listen yet",
        *(f"        - {_flow(patch)}" for patch in proposal.remedies),
    ]


def _changes(proposal: Proposal) -> list[str]:
    lines = [
        "changes:",
        "  - none  # the control: what is lost when nothing is changed",
    ]
    for kind, spec in CHANGE_KINDS.items():
        tried = _tried(spec.facts.first_try, proposal)
        lines += [f"  - {_named(kind, 'deployment', name, several=len(proposal.deployments) > 1)}" for name in tried]
        if spec.facts.first_try is FirstTry.EVERY:
            fields = {target.field for target in spec.facts.others}
            sets = [(field, name) for field, name in proposal.sets if field in fields]
            lines += [f"  - {_named(kind, field, name, several=len(sets) > 1)}" for field, name in sets]
    return lines


def _tried(first_try: FirstTry, proposal: Proposal) -> tuple[str, ...]:
    """Return the Deployments for which a kind of change is in the file."""
    return {FirstTry.EVERY: proposal.deployments, FirstTry.REPLICATED: proposal.replicated}.get(first_try, ())


def _named(kind: str, field: str, name: str, *, several: bool) -> str:
    settings = {field: name}
    if several:
        settings = {"name": f"{kind}-{experiment_name(name)}", **settings}
    return _flow({kind: settings})


def _flow(value: Any) -> str:
    """Return a value in one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=2**20)
    return text.removesuffix("\n").removesuffix("\n...")
