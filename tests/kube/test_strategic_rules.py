"""The rules of strategic merge patches, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kube.strategic import PatchError, json_merge, strategic_merge


def pod(**spec: Any) -> dict[str, Any]:
    """Return an object with only a spec."""
    return {"spec": spec}


def test_a_container_is_merged_by_name() -> None:
    """A patch for a named container leaves the container's other fields and the other containers alone."""
    original = pod(containers=[{"name": "a", "image": "x"}, {"name": "b", "image": "y"}])

    merged = strategic_merge(original, pod(containers=[{"name": "b", "args": ["-v"]}]))

    assert merged == pod(containers=[{"name": "a", "image": "x"}, {"name": "b", "image": "y", "args": ["-v"]}])


def test_a_new_container_comes_first() -> None:
    """As on a real server, items of only the patch precede items of only the object."""
    merged = strategic_merge(pod(containers=[{"name": "a"}]), pod(containers=[{"name": "sidecar"}]))

    assert [c["name"] for c in merged["spec"]["containers"]] == ["sidecar", "a"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("containers", "env"), "name"),
        (("containers", "ports"), "containerPort"),
        (("containers", "volumeMounts"), "mountPath"),
        (("initContainers", "env"), "name"),
    ],
)
def test_lists_inside_containers_are_merged(path: tuple[str, str], key: str) -> None:
    """Lists of a container are merged by their own keys."""
    outer, inner = path
    original = pod(**{outer: [{"name": "c", inner: [{key: 1, "old": True}, {key: 2}]}]})

    merged = strategic_merge(original, pod(**{outer: [{"name": "c", inner: [{key: 1, "new": True}]}]}))

    assert merged["spec"][outer][0][inner] == [{key: 1, "old": True, "new": True}, {key: 2}]


@pytest.mark.parametrize(
    ("field", "key"),
    [("volumes", "name"), ("hostAliases", "ip"), ("imagePullSecrets", "name"), ("ports", "port")],
)
def test_lists_of_a_spec_are_merged(field: str, key: str) -> None:
    """Lists of a pod's or Service's spec are merged by their keys."""
    merged = strategic_merge(pod(**{field: [{key: "a", "old": 1}]}), pod(**{field: [{key: "a", "new": 2}]}))

    assert merged == pod(**{field: [{key: "a", "old": 1, "new": 2}]})


def test_conditions_and_owners_are_merged() -> None:
    """Status conditions are merged by type, owner references by uid."""
    original = {"metadata": {"ownerReferences": [{"uid": "1"}]}, "status": {"conditions": [{"type": "A", "n": 1}]}}
    patch = {
        "metadata": {"ownerReferences": [{"uid": "1", "controller": True}]},
        "status": {"conditions": [{"type": "A", "n": 2}]},
    }

    merged = strategic_merge(original, patch)

    assert merged["metadata"]["ownerReferences"] == [{"uid": "1", "controller": True}]
    assert merged["status"]["conditions"] == [{"type": "A", "n": 2}]


@pytest.mark.parametrize("field", ["tolerations", "rules"])
def test_other_lists_are_replaced(field: str) -> None:
    """Tolerations, Ingress rules and any other list of objects are replaced as a whole."""
    merged = strategic_merge(pod(**{field: [{"key": "a"}, {"key": "b"}]}), pod(**{field: [{"key": "c"}]}))

    assert merged == pod(**{field: [{"key": "c"}]})


def test_endpoint_slice_ports_are_replaced() -> None:
    """The ports of an EndpointSlice have no merge key, unlike a Service's."""
    merged = strategic_merge({"ports": [{"port": 1, "name": "x"}]}, {"ports": [{"port": 1}]})

    assert merged == {"ports": [{"port": 1}]}


def test_args_are_replaced() -> None:
    """A list of plain values is replaced."""
    original = pod(containers=[{"name": "a", "args": ["1", "2"]}])

    merged = strategic_merge(original, pod(containers=[{"name": "a", "args": ["3"]}]))

    assert merged["spec"]["containers"][0]["args"] == ["3"]


def test_finalizers_are_added_and_deleted() -> None:
    """Finalizers are a set: a patch adds, and ``$deleteFromPrimitiveList`` removes."""
    original = {"metadata": {"finalizers": ["a", "b"]}}

    added = strategic_merge(original, {"metadata": {"finalizers": ["c", "a"]}})
    removed = strategic_merge(original, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})

    assert sorted(added["metadata"]["finalizers"]) == ["a", "b", "c"]
    assert removed == {"metadata": {"finalizers": ["b"]}}


def test_null_deletes() -> None:
    """A null deletes the field, and leaves no null."""
    assert strategic_merge({"a": 1, "b": 2}, {"a": None, "c": None, "d": {"e": None, "f": 1}}) == {
        "b": 2,
        "d": {"f": 1},
    }


def test_patch_replace_of_a_map() -> None:
    """``$patch: replace`` in a map drops all fields that the patch does not have."""
    assert strategic_merge({"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}) == {"a": {"c": 2}}


def test_patch_delete_of_a_map() -> None:
    """``$patch: delete`` in a map leaves it empty."""
    assert strategic_merge({"a": {"b": 1}}, {"a": {"$patch": "delete"}}) == {"a": {}}


def test_patch_delete_of_an_item() -> None:
    """``$patch: delete`` in an item removes only the item with that key."""
    original = pod(containers=[{"name": "a"}, {"name": "b"}])

    assert strategic_merge(original, pod(containers=[{"name": "a", "$patch": "delete"}])) == pod(
        containers=[{"name": "b"}]
    )


def test_patch_delete_of_an_item_that_is_not_there() -> None:
    """Deleting a missing item, or an item of a missing list, adds nothing."""
    patch = pod(containers=[{"name": "z", "$patch": "delete"}])

    assert strategic_merge(pod(containers=[{"name": "a"}]), patch) == pod(containers=[{"name": "a"}])
    assert strategic_merge({}, patch) == pod(containers=[])


def test_patch_replace_of_a_list() -> None:
    """The item ``$patch: replace`` replaces a whole merged list."""
    original = pod(containers=[{"name": "a"}, {"name": "b"}])

    merged = strategic_merge(original, pod(containers=[{"name": "b", "image": "x"}, {"$patch": "replace"}]))

    assert merged == pod(containers=[{"name": "b", "image": "x"}])


def test_retain_keys_changes_a_strategy() -> None:
    """With ``$retainKeys``, a Deployment changes to Recreate without the old strategy's parameters."""
    original = pod(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})

    assert strategic_merge(original, pod(strategy={"$retainKeys": ["type"], "type": "Recreate"})) == pod(
        strategy={"type": "Recreate"}
    )


def test_null_changes_a_strategy() -> None:
    """A null for ``rollingUpdate`` does the same."""
    original = pod(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})

    assert strategic_merge(original, pod(strategy={"type": "Recreate", "rollingUpdate": None})) == pod(
        strategy={"type": "Recreate"}
    )


def test_set_element_order_sorts() -> None:
    """``$setElementOrder`` orders the named items. Others keep their position relative to the next item."""
    original = pod(containers=[{"name": "a"}, {"name": "x"}, {"name": "b"}])
    patch = {
        "spec": {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}, {"name": "c"}],
            "containers": [{"name": "c"}],
        }
    }

    merged = strategic_merge(original, patch)

    assert [c["name"] for c in merged["spec"]["containers"]] == ["x", "b", "a", "c"]


@pytest.mark.parametrize(
    "patch",
    [
        {"a": {"$patch": "turn"}},
        {"spec": {"containers": [{"image": "x"}]}},
        {"spec": {"containers": [{"name": "a", "$patch": "turn"}]}},
        {"a": {"$retainKeys": "type"}},
        {"a": {"$retainKeys": ["b"], "c": 1}},
        {"a": {"$deleteFromPrimitiveList/c": "x"}},
        {"a": {"$setElementOrder/c": "x"}},
    ],
)
def test_a_malformed_patch_is_refused(patch: dict[str, Any]) -> None:
    """A patch that a server answers with 400 raises ``PatchError``."""
    with pytest.raises(PatchError):
        strategic_merge({"a": {"b": 1}, "spec": {"containers": [{"name": "a"}]}}, patch)


def test_json_merge_is_rfc_7386() -> None:
    """JSON merge patch merges maps, replaces lists, deletes by null, and replaces other values with maps."""
    original = {"a": {"b": 1, "c": [1, 2]}, "d": "text"}
    patch = {"a": {"b": None, "c": [3]}, "d": {"e": {"f": None, "g": 1}}}

    assert json_merge(original, patch) == {"a": {"c": [3]}, "d": {"e": {"g": 1}}}
