"""The Roles of the documentation: the rights of a run on a shared cluster and of a change in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.clusters.context.access import OPTIONAL, rights_in_place, rights_of_run
from harness.clusters.context.rules import reaches_beyond
from harness.model.changes import CHANGE_KINDS
from harness.model.controllers import CONTROLLERS
from harness.model.rights import Right, united


def cluster_role() -> str:
    """Return the ClusterRole that is enough for every change behind every ingress controller."""
    needed = {
        made: united(right for controller in CONTROLLERS for right in rights_of_run([made], controller))
        for kind, spec in CHANGE_KINDS.items()
        for made in (kind, *(f"{kind} {other.field}" for other in spec.facts.others))
        if not reaches_beyond(spec.facts)
    }
    return _manifest("ClusterRole", "{name: harness}", _rules(needed, rights_of_run((), "")))


def role_in_place() -> str:
    """Return the Role that is enough for every change in place."""
    kinds = [kind for kind, spec in CHANGE_KINDS.items() if not spec.facts.in_place.refused]
    rules = _rules({kind: rights_in_place([kind]) for kind in kinds}, rights_in_place(()), OPTIONAL)
    return _manifest("Role", "{name: harness-in-place, namespace: web}", rules)


def _manifest(kind: str, metadata: str, rules: Iterable[str]) -> str:
    head = ["```yaml", "apiVersion: rbac.authorization.k8s.io/v1", f"kind: {kind}", f"metadata: {metadata}", "rules:"]
    return "\n".join([*head, *rules, "```"])


def _rules(
    needed: Mapping[str, tuple[Right, ...]], base: tuple[Right, ...], optional: tuple[Right, ...] = ()
) -> Iterator[str]:
    """Yield a line for each resource, with the changes that need further verbs of it.

    Args:
        needed: What each kind of change needs, base included.
        base: What every run needs.
        optional: What can be left out.
    """
    of_base = {(right.group, right.resource): right.verbs for right in base}
    for right in united((*base, *(right for rights in needed.values() for right in rights), *optional)):
        group = right.group or '""'
        line = f"  - {{apiGroups: [{group}], resources: [{right.resource}], verbs: [{', '.join(right.verbs)}]}}"
        known = of_base.get((right.group, right.resource), ())
        users = [kind for kind, rights in needed.items() if set(_verbs(rights, right)) - set(known)]
        if right in optional:
            yield f"{line}  # can be left out"
        elif users:
            extra = "" if not known else f"{', '.join(verb for verb in right.verbs if verb not in known)}: "
            yield f"{line}  # {extra}{', '.join(users)}"
        else:
            yield line


def _verbs(rights: Iterable[Right], like: Right) -> tuple[str, ...]:
    """Return the verbs among some rights on the resource of another."""
    same = (right for right in rights if (right.group, right.resource) == (like.group, like.resource))
    return tuple(verb for right in same for verb in right.verbs)
