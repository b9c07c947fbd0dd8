"""The documented Roles grant exactly the rights that the harness needs."""

from __future__ import annotations

import pytest
from documentation import documented_role

from harness.clusters.context.access import OPTIONAL, rights_in_place, rights_of_run
from harness.clusters.context.rules import reaches_beyond
from harness.model.changes import CHANGE_KINDS
from harness.model.controllers import CONTROLLERS
from harness.model.rights import Right
from harness.testing.role_bound_api import Grant


def asked(rights: tuple[Right, ...]) -> frozenset[Grant]:
    """Return the grants that rights consist of."""
    return frozenset(Grant(right.group, right.resource, verb) for right in rights for verb in right.verbs)


def test_documented_role_is_what_is_needed() -> None:
    """With the Role, every change that is made on existing clusters can run. It grants no other right."""
    kinds = [kind for kind, spec in CHANGE_KINDS.items() if not reaches_beyond(spec.facts)]
    kinds += [f"{kind} {other.field}" for kind in kinds for other in CHANGE_KINDS[kind].facts.others]
    needed = [asked(rights_of_run(kinds, controller)) for controller in CONTROLLERS]

    assert documented_role("ClusterRole") == frozenset().union(*needed)


def test_a_restart_needs_the_rights_for_its_own_kind_of_object_alone() -> None:
    """A Role without StatefulSets is still enough for the restart of a Deployment."""
    base = asked(rights_of_run([], "none"))
    more = {kind: asked(rights_of_run([kind], "none")) - base for kind in ("restart", "restart statefulset")}

    assert {grant.resource for grant in more["restart"]} <= {"deployments", "pods"}
    assert {grant.resource for grant in more["restart statefulset"]} <= {"statefulsets", "pods"}
    assert Grant("apps", "statefulsets", "patch") in more["restart statefulset"]


def test_documented_role_in_place_is_what_all_changes_need() -> None:
    """With the Role, every change in place can be made. It grants no other right."""
    kinds = [kind for kind, spec in CHANGE_KINDS.items() if not spec.facts.in_place.refused]

    assert documented_role("Role") == asked((*rights_in_place(kinds), *OPTIONAL))


@pytest.mark.parametrize("controller", [word for word, facts in CONTROLLERS.items() if facts.share_rights])
def test_an_undone_split_needs_the_right_to_delete(controller: str) -> None:
    """An A/B test always deletes the objects that it creates."""
    grants = asked(rights_of_run(["ab-test"], controller))
    workload = {"namespaces", "services", "deployments"}
    created = {grant.resource for grant in grants if grant.verb == "create"} - workload
    if controller == "traefik":
        created -= {"ingresses"}  # the workload's own

    assert created
    assert created <= {grant.resource for grant in grants if grant.verb == "delete"}
