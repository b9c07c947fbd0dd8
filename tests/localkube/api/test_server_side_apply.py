"""Server-side apply: owners, conflicts, removed fields."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from harness.localkube.api.errors import StatusError
from harness.localkube.api.field_sets import from_fields, leaves, text, to_fields
from harness.localkube.api.managed_fields import Owner, owners_of, record_changed, record_created
from harness.localkube.api.server_side_apply import applied

Object = dict[str, Any]

EMPTY: Object = {"metadata": {}}
EDITOR = Owner("kubectl-edit")


def manifest(**spec: Any) -> Object:
    """Build an applied Deployment."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": {"app": "apple"}}, "spec": spec}


def containers(*images: str) -> list[Object]:
    """Build containers named ``c0``, ``c1`` and so on."""
    return [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]


def template(*images: str) -> Object:
    """Build a pod template with these images."""
    return {"spec": {"containers": containers(*images)}}


def apply(live: Object, wanted: Object, manager: str = "me", *, force: bool = False) -> Object:
    """Apply a manifest; the arguments stay as they are."""
    return applied(copy.deepcopy(live), copy.deepcopy(wanted), manager, force=force)


def edited(live: Object, owner: Owner = EDITOR, **spec: Any) -> Object:
    """Return an object after a client changed fields of its spec."""
    new = {**copy.deepcopy(live), "spec": {**copy.deepcopy(live["spec"]), **spec}}
    record_changed(live, new, owner)
    return new


def conflicts(live: Object, wanted: Object, manager: str = "me") -> Object:
    """Return the Status of a conflict."""
    with pytest.raises(StatusError) as caught:
        apply(live, wanted, manager)
    assert caught.value.code == 409
    return caught.value.status


def test_paths_have_the_servers_notation() -> None:
    """Items of lists are named by their keys; maps that have one owner as a whole are one path."""
    spec = {
        "selector": {"matchLabels": {"app": "apple"}},
        "template": {"spec": {"containers": [{"name": "apple", "ports": [{"containerPort": 80}]}]}},
    }
    paths = leaves(manifest(**spec))

    assert {text(path) for path in paths} == {
        ".metadata.labels.app",
        ".spec.selector",
        '.spec.template.spec.containers[name="apple"]',
        '.spec.template.spec.containers[name="apple"].name',
        '.spec.template.spec.containers[name="apple"].ports[containerPort=80,protocol="TCP"]',
        '.spec.template.spec.containers[name="apple"].ports[containerPort=80,protocol="TCP"].containerPort',
    }
    assert from_fields(to_fields(paths)) == set(paths)


def test_a_field_of_another_manager_is_a_conflict_unless_forced() -> None:
    """The message names the manager and the field; with force, the field changes its owner."""
    live = edited(apply(EMPTY, manifest(replicas=1)), replicas=3)

    status = conflicts(live, manifest(replicas=2))
    other = 'conflict with "kubectl-edit" using apps/v1'
    assert status["message"] == f"Apply failed with 1 conflict: {other}: .spec.replicas"
    (cause,) = status["details"]["causes"]
    assert cause == {"reason": "FieldManagerConflict", "message": other, "field": ".spec.replicas"}
    forced = apply(live, manifest(replicas=2), force=True)
    assert forced["spec"]["replicas"] == 2
    assert [each.owner.manager for each in owners_of(forced)] == ["me"]


@pytest.mark.parametrize(
    ("live_replicas", "manager", "taken"), [(1, "kubectl", True), (3, "kubectl", False), (1, "me", False)]
)
def test_kubectl_takes_over_its_own_client_side_apply(live_replicas: int, manager: str, taken: bool) -> None:
    """A field that has the last applied value is taken over by kubectl, and by no other manager."""
    live = manifest(replicas=live_replicas)
    last = json.dumps(manifest(replicas=1))
    live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": last}
    record_created(live, "kubectl-client-side-apply")

    if taken:
        assert apply(live, manifest(replicas=2), manager)["spec"]["replicas"] == 2
    else:
        assert "kubectl-client-side-apply" in conflicts(live, manifest(replicas=2), manager)["message"]


def test_several_conflicts_are_listed_by_manager() -> None:
    """A manager that applies is named without a version, and one that scales with its subresource."""
    live = apply(EMPTY, manifest(template=template("i:1")), "you")
    live = edited(live, Owner("kubectl", "scale"), replicas=3)

    message = conflicts(live, manifest(replicas=2, template=template("i:2")))["message"]

    assert message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl" with subresource "scale" using apps/v1:\n'
        "- .spec.replicas\n"
        'conflicts with "you":\n'
        '- .spec.template.spec.containers[name="c0"].image'
    )


def test_the_same_value_is_owned_by_both() -> None:
    """A manager that applies what is there already becomes one of the owners; then the other one may leave."""
    live = apply(apply(EMPTY, manifest(replicas=1), "you"), manifest(replicas=1))

    left = apply(live, manifest(), "you")
    assert left["spec"]["replicas"] == 1
    assert "replicas" not in apply(left, manifest())["spec"]


def test_what_left_the_manifest_is_removed() -> None:
    """A field, a container and a label go; those of other managers stay."""
    live = apply(EMPTY, manifest(replicas=2, template=template("i:1", "j:1")))
    live = apply(live, {**manifest(paused=True), "metadata": {}}, "you")

    left = apply(live, {**manifest(template=template("i:2")), "metadata": {}})

    assert left["spec"] == {"template": template("i:2"), "paused": True}
    assert left["metadata"].get("labels") == {}


def test_a_container_in_which_another_manager_owns_a_field_stays() -> None:
    """Only the fields of the manager that drops the container go."""
    live = apply(EMPTY, manifest(template=template("i:1")))
    more = [{"name": "c0", "args": ["x"]}]
    live = apply(live, manifest(template={"spec": {"containers": more}}), "you")

    left = apply(live, manifest())

    assert left["spec"]["template"]["spec"]["containers"] == [{"name": "c0", "args": ["x"]}]


def test_items_of_lists_are_merged_by_their_keys() -> None:
    """A port of another protocol is another item."""
    udp = {"containerPort": 80, "protocol": "UDP"}
    ports = [{"name": "c0", "ports": [{"containerPort": 80, "protocol": "TCP"}, udp]}]
    live = apply(EMPTY, manifest(template={"spec": {"containers": ports}}))
    named = [{"name": "c0", "ports": [{"containerPort": 80, "name": "http"}]}]

    merged = apply(live, manifest(template={"spec": {"containers": named}}), "you")

    (container,) = merged["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP", "name": "http"}, udp]


def test_a_change_takes_the_field_from_all_others() -> None:
    """Creation gives all fields to the creator; a change moves one; a removed field has no owner."""
    live = manifest(replicas=1, paused=True)
    record_created(live, "kubectl-create")
    changed = edited(live, replicas=2)

    first, second = owners_of(changed)
    assert (first.owner.manager, second.owner) == ("kubectl-create", EDITOR)
    assert {text(path) for path in second.paths} == {".spec.replicas"}
    assert {text(path) for path in first.paths} == {".metadata.labels.app", ".spec.paused"}
    without_pause = copy.deepcopy(changed)
    del without_pause["spec"]["paused"]
    record_changed(changed, without_pause, Owner(""))
    assert ".spec.paused" not in {text(path) for each in owners_of(without_pause) for path in each.paths}
