"""The undo journal restores exactly what the harness changed, and survives a crash at any point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.changes.difference import undo_operations, with_actual_values
from harness.changes.undo import Operation, UndoJournal, UndoOutcome, undo_all
from harness.errors import EvidenceError
from harness.kube.errors import KubeError, RejectedError, UnreachableError
from harness.testing.fake_api import FakeKube

NS = "demo"
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "apple", "annotations": {"theirs": "1"}},
    "spec": {"selector": {"app": "fruit", "version": "apple-v1"}},
}
REPOINTED = {"spec": {"selector": {"version": "banana-v1"}}}


@pytest.fixture
def kube() -> FakeKube:
    """Return an API server with the Service."""
    fake = FakeKube()
    fake.put(SERVICE, NS)
    return fake


@pytest.fixture
def journal(tmp_path: Path) -> UndoJournal:
    """Return an empty journal."""
    return UndoJournal(tmp_path / "undo.jsonl")


def selector(kube: FakeKube) -> dict[str, str]:
    """Return the current selector of the Service."""
    found: dict[str, str] = kube.get("Service", "apple", NS)["spec"]["selector"]
    return found


def prepare(journal: UndoJournal, kube: FakeKube, patch: dict[str, Any]) -> None:
    """Write the undo of a patch of the Service, then make the patch."""
    original = kube.get("Service", "apple", NS)
    changed = FakeKube()
    changed.put(original, NS)
    operations = undo_operations(original, changed.patch("Service", "apple", NS, patch))
    journal.prepare("Service apple", "Service", "apple", NS, operations)


def outcomes(journal: UndoJournal, kube: FakeKube) -> list[UndoOutcome]:
    """Undo everything. Return the outcomes."""
    return [result.outcome for result in undo_all(journal, kube)]


def test_a_change_is_undone(journal: UndoJournal, kube: FakeKube) -> None:
    """The field has its old value, and the entry is closed."""
    prepare(journal, kube, REPOINTED)
    kube.patch("Service", "apple", NS, REPOINTED)

    assert outcomes(journal, kube) == [UndoOutcome.UNDONE]
    assert selector(kube) == {"app": "fruit", "version": "apple-v1"}
    assert journal.open_entries() == ()


def test_a_crash_before_the_change_leaves_nothing_to_undo(journal: UndoJournal, kube: FakeKube) -> None:
    """The change was prepared but not made, so the object is not written."""
    prepare(journal, kube, REPOINTED)
    version = kube.get("Service", "apple", NS)["metadata"]["resourceVersion"]

    assert outcomes(journal, kube) == [UndoOutcome.NOT_NEEDED]
    assert kube.get("Service", "apple", NS)["metadata"]["resourceVersion"] == version


def test_a_crash_after_the_change_is_undone_from_the_journal(journal: UndoJournal, kube: FakeKube) -> None:
    """A reopened journal has the entry of the dead process."""
    prepare(journal, kube, REPOINTED)
    kube.patch("Service", "apple", NS, REPOINTED)

    assert outcomes(UndoJournal(journal.path), kube) == [UndoOutcome.UNDONE]
    assert selector(kube)["version"] == "apple-v1"


def test_an_entry_is_on_disk_when_prepare_returns(journal: UndoJournal) -> None:
    """The undo can be read before the change is made."""
    journal.prepare("text", "Service", "apple", NS, [{"op": "remove", "path": "/a"}])

    line = json.loads(journal.path.read_text())
    assert (line["kind"], line["name"], line["operations"]) == ("Service", "apple", [{"op": "remove", "path": "/a"}])


def test_a_field_that_others_changed_is_left_and_reported(journal: UndoJournal, kube: FakeKube) -> None:
    """The result names the field and its value."""
    prepare(journal, kube, REPOINTED)
    kube.patch("Service", "apple", NS, REPOINTED)
    kube.patch("Service", "apple", NS, {"spec": {"selector": {"version": "cherry"}}})

    (result,) = undo_all(journal, kube)

    assert result.outcome is UndoOutcome.LEFT
    assert "/spec/selector/version" in result.text
    assert "cherry" in result.text
    assert selector(kube)["version"] == "cherry"


def test_other_fields_are_undone_despite_one_that_others_changed(journal: UndoJournal, kube: FakeKube) -> None:
    """A field that others changed does not prevent the undo of the rest."""
    both = {"spec": {"selector": {"version": "banana-v1", "app": "other"}}}
    prepare(journal, kube, both)
    kube.patch("Service", "apple", NS, both)
    kube.patch("Service", "apple", NS, {"spec": {"selector": {"app": "theirs"}}})

    assert outcomes(journal, kube) == [UndoOutcome.LEFT]
    assert selector(kube) == {"app": "theirs", "version": "apple-v1"}


def test_what_others_added_stays(journal: UndoJournal, kube: FakeKube) -> None:
    """The harness's annotation is removed, and one that others set stays."""
    ours = {"metadata": {"annotations": {"ours/x~y": "1"}}}
    prepare(journal, kube, ours)
    kube.patch("Service", "apple", NS, ours)
    kube.patch("Service", "apple", NS, {"metadata": {"annotations": {"late": "1"}}})

    assert outcomes(journal, kube) == [UndoOutcome.UNDONE]
    assert kube.get("Service", "apple", NS)["metadata"]["annotations"] == {"theirs": "1", "late": "1"}


def test_a_removed_field_is_restored(journal: UndoJournal, kube: FakeKube) -> None:
    """It has its old value again."""
    without = {"spec": {"selector": {"version": None}}}
    prepare(journal, kube, without)
    kube.patch("Service", "apple", NS, without)

    assert outcomes(journal, kube) == [UndoOutcome.UNDONE]
    assert selector(kube)["version"] == "apple-v1"


def test_a_removed_field_that_others_set_is_left(journal: UndoJournal, kube: FakeKube) -> None:
    """The value that others set stays."""
    without = {"spec": {"selector": {"version": None}}}
    prepare(journal, kube, without)
    kube.patch("Service", "apple", NS, {"spec": {"selector": {"version": "cherry"}}})

    assert outcomes(journal, kube) == [UndoOutcome.LEFT]
    assert selector(kube)["version"] == "cherry"


def test_changes_are_undone_newest_first(journal: UndoJournal, kube: FakeKube) -> None:
    """Three successive changes of one field end at the original."""
    for number in (1, 2, 3):
        patch = {"spec": {"selector": {"version": f"v{number}"}}}
        prepare(journal, kube, patch)
        kube.patch("Service", "apple", NS, patch)

    assert outcomes(journal, kube) == [UndoOutcome.UNDONE] * 3
    assert selector(kube)["version"] == "apple-v1"


def test_an_object_that_is_gone_needs_no_undo(journal: UndoJournal, kube: FakeKube) -> None:
    """A deleted object is reported and closed, without an error."""
    prepare(journal, kube, REPOINTED)
    kube.remove("Service", "apple", NS)

    assert outcomes(journal, kube) == [UndoOutcome.GONE]
    assert journal.open_entries() == ()


def test_a_failed_undo_stays_open_and_does_not_stop_the_others(journal: UndoJournal, kube: FakeKube) -> None:
    """It can be retried later, and the rest is undone."""
    kube.put({**SERVICE, "metadata": {"name": "other"}}, NS)
    prepare(journal, kube, REPOINTED)
    kube.patch("Service", "apple", NS, REPOINTED)
    journal.prepare("other", "Service", "other", NS, [{"op": "add", "path": "/kind", "value": "Service"}])
    kube.refusals["patch"] = UnreachableError("patch", 0, "no answer", "refused")

    assert outcomes(journal, kube) == [UndoOutcome.NOT_NEEDED, UndoOutcome.FAILED]
    kube.refusals.clear()
    assert outcomes(journal, kube) == [UndoOutcome.UNDONE]


class Racing(FakeKube):
    """An API server where others change the field between the undo's read and its patch."""

    def patch(self, kind: str, name: str, namespace: str, body: Any, *, strategy: Any = "merge") -> dict[str, Any]:
        """Change the field, then apply the patch."""
        if strategy == "json":
            self.put({**SERVICE, "spec": {"selector": {"version": "cherry"}}}, NS)
        return super().patch(kind, name, namespace, body, strategy=strategy)


def test_a_concurrent_change_by_others_is_kept(journal: UndoJournal) -> None:
    """The test in the patch catches a change that the read could not see."""
    kube = Racing()
    kube.put(SERVICE, NS)
    prepare(journal, kube, REPOINTED)
    kube.patch("Service", "apple", NS, REPOINTED)

    assert outcomes(journal, kube) == [UndoOutcome.LEFT]
    assert selector(kube)["version"] == "cherry"


def test_a_server_that_always_refuses_is_a_failure_not_a_loop(journal: UndoJournal, kube: FakeKube) -> None:
    """A patch that is always refused ends as failed."""
    prepare(journal, kube, REPOINTED)
    kube.patch("Service", "apple", NS, REPOINTED)
    kube.refusals["patch"] = RejectedError("patch", 422, "Invalid", "no")

    assert outcomes(journal, kube) == [UndoOutcome.FAILED]


def test_a_line_cut_by_a_crash_is_dropped(journal: UndoJournal, kube: FakeKube) -> None:
    """The change of an incomplete last line was never made. The journal continues after the complete lines."""
    prepare(journal, kube, REPOINTED)
    with journal.path.open("a") as file:
        file.write('{"event": "prep')

    again = UndoJournal(journal.path)
    prepare(again, kube, REPOINTED)

    assert [entry.number for entry in UndoJournal(journal.path).open_entries()] == [2, 1]


def test_a_damaged_journal_is_an_error(journal: UndoJournal, kube: FakeKube) -> None:
    """Damage before the last line is not ignored."""
    journal.path.write_text("nonsense\n")

    with pytest.raises(EvidenceError):
        UndoJournal(journal.path)


def test_a_closed_entry_stays_closed(journal: UndoJournal) -> None:
    """It is not open in a reopened journal."""
    journal.done(journal.prepare("text", "Service", "apple", NS, []))

    assert UndoJournal(journal.path).open_entries() == ()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"spec": {"a": 1}, "status": {"x": 2}}, []),
        ({"spec": {"a": 2}}, [("test", 2), ("replace", 1)]),
        ({"spec": {"a": 1, "b": {"c": 1}}}, [("test", {"c": 1}), ("remove", None)]),
        ({"spec": {}}, [("add", 1)]),
    ],
    ids=["nothing of the user's", "other value", "new field", "field gone"],
)
def test_the_undo_is_as_small_as_the_change(changed: dict[str, Any], expected: list[tuple[str, Any]]) -> None:
    """Each difference becomes a test and an operation. Fields of the server are ignored."""
    operations = undo_operations({"spec": {"a": 1}}, changed)

    assert [(op["op"], op.get("value")) for op in operations] == expected


def test_containers_are_compared_one_by_one() -> None:
    """In a list of named objects, only the changed field is undone."""
    before = {"spec": {"containers": [{"name": "a", "args": ["1"], "image": "x"}, {"name": "b"}]}}
    after = {"spec": {"containers": [{"name": "a", "args": ["2"], "image": "x"}, {"name": "b"}]}}

    operations = undo_operations(before, after)

    assert {op["path"] for op in operations} == {"/spec/containers/0/args"}


def test_values_that_the_server_completed_are_expected_as_they_are() -> None:
    """The undo of a probe tests for the probe with its defaults."""
    operations: Sequence[Operation] = [{"op": "test", "path": "/p", "value": {"a": 1}}, {"op": "remove", "path": "/p"}]

    assert with_actual_values(operations, {"p": {"a": 1, "default": 2}})[0]["value"] == {"a": 1, "default": 2}


def test_kube_errors_are_the_only_ones_that_an_undo_forgives(journal: UndoJournal, kube: FakeKube) -> None:
    """A bug is not reported as a failed undo."""
    prepare(journal, kube, REPOINTED)
    kube.refusals["get"] = ZeroDivisionError()
    assert not issubclass(ZeroDivisionError, KubeError)

    with pytest.raises(ZeroDivisionError):
        undo_all(journal, kube)


def test_two_threads_write_into_one_journal(journal: UndoJournal) -> None:
    """Each entry gets a number of its own, and every line is whole."""

    def prepare(name: str) -> list[int]:
        entries = [journal.prepare("text", "Service", f"{name}-{n}", NS, ()) for n in range(10)]
        return [entry.number for entry in entries]

    with ThreadPoolExecutor(2) as pool:
        numbers = sorted(number for found in pool.map(prepare, ("a", "b")) for number in found)

    assert numbers == list(range(1, 21))
    assert [entry.number for entry in UndoJournal(journal.path).open_entries()] == list(range(20, 0, -1))
