"""``harness undo``: what a killed run has left changed, and nothing else, on the run's cluster, and on no other."""

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
from harness.runner.in_place import undoing
from harness.runner.in_place.undoing import Undoing, undo_run
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
    """The worst of them, whether it came about now or earlier."""
    results = tuple(UndoResult(ENTRY, outcome) for outcome in outcomes)

    assert Undoing(PLAN, made=True, results=results).exit_code is code
    assert Undoing(PLAN, made=True, results=(), earlier=results).exit_code is code


@pytest.mark.parametrize("outcome", list(UndoOutcome))
def test_every_outcome_has_its_words(outcome: UndoOutcome) -> None:
    """Each is said with its object, and where that is."""
    lines = describe(Undoing(PLAN, made=True, results=(UndoResult(ENTRY, outcome, "why"),)))

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
        monkeypatch.setattr(undoing, "_plan", lambda _run: PLAN)
        monkeypatch.setattr(undoing, "_cluster", self._cluster)

    @contextmanager
    def _cluster(self, *_where: Any) -> Iterator[FakeKube]:
        yield self.kube

    def selected(self) -> str:
        """What the Service selects."""
        return str(self.kube.get("Service", "public", "web")["spec"]["selector"]["v"])


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Killed:
    """It is switched, and nobody is left who would put it back."""
    return Killed(tmp_path, monkeypatch)


@pytest.mark.parametrize(("kind", "namespace"), [("Service", "theirs"), ("IngressClass", "")])
def test_nothing_beyond_the_namespace_of_the_run_is_touched(killed: Killed, kind: str, namespace: str) -> None:
    """Whatever a journal says: the entry fails, the others are put back, and the object is as it was."""
    killed.kube.put({"kind": kind, "metadata": {"name": "other"}, "spec": {"selector": {"v": "new"}}}, namespace)
    patch = ({"op": "test", "path": "/spec/selector/v", "value": "new"},
             {"op": "replace", "path": "/spec/selector/v", "value": "old"})  # fmt: skip
    killed.journal.prepare(f"{kind} other: /spec/selector/v", kind, "other", namespace, patch)

    undone = undo_run(killed.folder)

    assert [result.outcome for result in undone.results] == [UndoOutcome.FAILED, UndoOutcome.UNDONE]
    assert "may write only in web" in undone.results[0].text
    assert killed.selected() == "old"
    assert killed.kube.get(kind, "other", namespace)["spec"]["selector"]["v"] == "new"


def test_it_is_put_back_once(killed: Killed) -> None:
    """A second time there is nothing to do, and it says what was done."""
    first, second = undo_run(killed.folder), undo_run(killed.folder)

    assert killed.selected() == "old"
    assert [result.outcome for result in first.results] == [UndoOutcome.UNDONE]
    assert (second.results, [result.outcome for result in second.earlier]) == ((), [UndoOutcome.UNDONE])
    assert (first.exit_code, second.exit_code) == (ExitCode.AS_EXPECTED, ExitCode.AS_EXPECTED)


def test_what_is_somebody_elses_by_now_is_left(killed: Killed) -> None:
    """And stays so: exit code 3."""
    killed.kube.patch("Service", "public", "web", {"spec": {"selector": {"v": "theirs"}}})
    done = undo_run(killed.folder)

    assert killed.selected() == "theirs"
    assert done.exit_code is ExitCode.INCONCLUSIVE


def test_a_run_that_goes_on_is_left_alone(killed: Killed) -> None:
    """It puts back by itself."""
    with held(killed.folder), pytest.raises(InvalidInputError) as caught:
        undo_run(killed.folder)

    assert "still goes on" in caught.value.message + caught.value.detail
    assert killed.selected() == "new"


def test_what_is_no_run_directory_is_refused(tmp_path: Path) -> None:
    """Nothing is asked of any cluster."""
    with pytest.raises(EvidenceError):
        undo_run(tmp_path)
