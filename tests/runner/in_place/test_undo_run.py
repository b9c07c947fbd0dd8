"""Tests of ``harness undo``: it undoes what a killed run left changed, nothing else, and only on the run's cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.changes.undo import UndoEntry, UndoJournal, UndoOutcome, UndoResult
from harness.cli.undo import describe
from harness.errors import EvidenceError, ExitCode, InvalidInputError
from harness.kit.locks import held
from harness.runner.in_place import undo
from harness.runner.in_place.undo import UndoReport, undo_run
from harness.runner.plan import InPlacePlan
from harness.testing.fake_api import FakeKube

PLAN = InPlacePlan("Service/public", "web", "staging", "/k", "staging", "https://10.0.0.1:6443")
ENTRY = UndoEntry(1, "Service public: /spec/selector/v", "Service", "public", "web", ())


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], ExitCode.AS_EXPECTED),
        ([UndoOutcome.UNDONE, UndoOutcome.NOT_NEEDED], ExitCode.AS_EXPECTED),
        ([UndoOutcome.UNDONE, UndoOutcome.LEFT], ExitCode.INCONCLUSIVE),
        ([UndoOutcome.GONE], ExitCode.INCONCLUSIVE),
        ([UndoOutcome.LEFT, UndoOutcome.FAILED], ExitCode.HARNESS_FAILED),
    ],
)
def test_exit_codes(outcomes: list[UndoOutcome], code: ExitCode) -> None:
    """The worst outcome decides, whether it is new or from an earlier undo."""
    results = tuple(UndoResult(ENTRY, outcome) for outcome in outcomes)

    assert UndoReport(PLAN, made=True, results=results).exit_code is code
    assert UndoReport(PLAN, made=True, results=(), earlier=results).exit_code is code


@pytest.mark.parametrize("outcome", list(UndoOutcome))
def test_every_outcome_has_its_sentence(outcome: UndoOutcome) -> None:
    """Each sentence names the object and its namespace."""
    lines = describe(UndoReport(PLAN, made=True, results=(UndoResult(ENTRY, outcome, "why"),)))

    assert lines[0].startswith("Service public: /spec/selector/v: ")
    assert lines[0].endswith(": why")
    assert "namespace web" in lines[1]


class Killed:
    """A run in place that was killed while a Service was switched."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.kube = FakeKube()
        selector = {"kind": "Service", "metadata": {"name": "public"}, "spec": {"selector": {"v": "new"}}}
        self.kube.put(selector, "web")
        trial = folder / "trials" / "public--selector-patch" / "1"
        trial.mkdir(parents=True)
        (folder / "seals").mkdir()
        (folder / "seals" / "plan.json").write_text("{}")
        self.journal = UndoJournal(trial / "undo.jsonl")
        patch = ({"op": "test", "path": "/spec/selector/v", "value": "new"},
                 {"op": "replace", "path": "/spec/selector/v", "value": "old"})  # fmt: skip
        self.journal.prepare(ENTRY.description, "Service", "public", "web", patch)
        monkeypatch.setattr(undo, "_plan", lambda _run: PLAN)
        monkeypatch.setattr(undo, "_cluster", self._cluster)

    @contextmanager
    def _cluster(self, *_where: Any) -> Iterator[FakeKube]:
        yield self.kube

    def selected(self) -> str:
        """Return the selector of the Service."""
        return str(self.kube.get("Service", "public", "web")["spec"]["selector"]["v"])


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Killed:
    """Return a run whose Service is switched, with no process left that would undo it."""
    return Killed(tmp_path, monkeypatch)


@pytest.mark.parametrize(("kind", "namespace"), [("Service", "theirs"), ("IngressClass", "")])
def test_nothing_outside_the_namespace_of_the_run_is_touched(killed: Killed, kind: str, namespace: str) -> None:
    """Such a journal entry fails, the others are undone, and the object outside stays unchanged."""
    killed.kube.put({"kind": kind, "metadata": {"name": "other"}, "spec": {"selector": {"v": "new"}}}, namespace)
    patch = ({"op": "test", "path": "/spec/selector/v", "value": "new"},
             {"op": "replace", "path": "/spec/selector/v", "value": "old"})  # fmt: skip
    killed.journal.prepare(f"{kind} other: /spec/selector/v", kind, "other", namespace, patch)

    undone = undo_run(killed.folder)

    assert [result.outcome for result in undone.results] == [UndoOutcome.FAILED, UndoOutcome.UNDONE]
    assert "may write only in web" in undone.results[0].text
    assert killed.selected() == "old"
    assert killed.kube.get(kind, "other", namespace)["spec"]["selector"]["v"] == "new"


def test_a_change_is_undone_once(killed: Killed) -> None:
    """The second call does nothing, and reports what was done before."""
    first, second = undo_run(killed.folder), undo_run(killed.folder)

    assert killed.selected() == "old"
    assert [result.outcome for result in first.results] == [UndoOutcome.UNDONE]
    assert (second.results, [result.outcome for result in second.earlier]) == ((), [UndoOutcome.UNDONE])
    assert (first.exit_code, second.exit_code) == (ExitCode.AS_EXPECTED, ExitCode.AS_EXPECTED)


def test_a_later_change_of_somebody_else_is_kept(killed: Killed) -> None:
    """The exit code is 3."""
    killed.kube.patch("Service", "public", "web", {"spec": {"selector": {"v": "theirs"}}})
    done = undo_run(killed.folder)

    assert killed.selected() == "theirs"
    assert done.exit_code is ExitCode.INCONCLUSIVE


def test_an_active_run_is_left_alone(killed: Killed) -> None:
    """An active run undoes its change itself."""
    with held(killed.folder), pytest.raises(InvalidInputError) as caught:
        undo_run(killed.folder)

    assert "is still active" in caught.value.message + caught.value.detail
    assert killed.selected() == "new"


def test_another_directory_is_refused(tmp_path: Path) -> None:
    """No cluster is contacted."""
    with pytest.raises(EvidenceError):
        undo_run(tmp_path)
