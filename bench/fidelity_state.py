"""The folder of all measurements: run directories of ``harness run``, one for each part.

``STATE/<cluster>/<experiment>/<part>`` is an ordinary run directory with one or more configurations of that Experiment.
A part that did not finish is kept but does not count. Its missing trials are measured in another part.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.fidelity_cells import CellFacts, is_calm, was_run
from bench.fidelity_delays import delays_of
from bench.fidelity_pods import read_failures, read_plans
from harness.model.verdict import RunVerdict, TrialVerdict, Verdict
from harness.runner.judging import judge_as_found
from harness.store.rundir import RunDirectory
from harness.store.timeline import read_timeline

#: (experiment, cell).
Key = tuple[str, str]


@dataclass(slots=True)
class Measured:
    """All measurements on one kind of cluster.

    Attributes:
        trials: (experiment, cell) -> judged trials.
        delays: Step -> seconds, of undisturbed trials.
        parts: Number of run directories.
        environment: Environment of the newest run, with facts about its cluster.
        days: Start of the first and of the last run, as ``YYYY-MM-DD HH:MM``.
    """

    trials: dict[Key, list[TrialVerdict]] = field(default_factory=lambda: defaultdict(list))
    delays: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    parts: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    days: tuple[str, str] = ("", "")

    @property
    def cells(self) -> dict[Key, CellFacts]:
        """Return the summary of every cell."""
        return {key: CellFacts.of(trials) for key, trials in self.trials.items()}


def finished(folder: Path) -> bool:
    """Return True if a part has finished."""
    return (folder / "verdict.json").exists() and (folder / "end.json").exists()


def parts(state: Path, cluster: str) -> Iterator[tuple[str, Path]]:
    """Yield (experiment, run directory) of all finished parts, sorted by name."""
    for folder in sorted((state / cluster).glob("*/*")):
        if finished(folder):
            yield folder.parent.name, folder


def next_folder(state: Path, cluster: str, experiment: str) -> Path:
    """Return a run directory for a new part, which does not exist yet."""
    above = state / cluster / experiment
    taken = {path.name for path in above.glob("*")}
    return above / next(str(number) for number in range(1, len(taken) + 2) if str(number) not in taken)


def counts(state: Path, cluster: str, experiment: str) -> Counter[str]:
    """Return cell -> number of conclusive, undisturbed trials, from the verdicts of the finished parts."""
    found: Counter[str] = Counter()
    for name, folder in parts(state, cluster):
        if name == experiment:
            verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
            for cell in verdict["cells"]:
                calm = [trial for trial in cell["trials"] if _counts(trial)]
                found[cell["id"]] += len(calm)
    return found


def _counts(trial: Mapping[str, object]) -> bool:
    findings = trial["findings"]
    codes = {str(finding["code"]) for finding in findings} if isinstance(findings, list) else set()
    return trial["verdict"] != Verdict.INCONCLUSIVE.value and is_calm(codes)


def read(state: Path, cluster: str) -> Measured:
    """Read all measurements on one kind of cluster. Their evidence is judged again."""
    measured, began = Measured(), []
    for experiment, folder in parts(state, cluster):
        run = RunDirectory(folder)
        verdict = judge_as_found(run, run.differences())
        measured.parts += 1
        began.append((verdict.started, verdict.environment))
        _add(measured, experiment, folder, verdict)
    if began:
        began.sort(key=lambda pair: pair[0])
        measured.environment = began[-1][1]
        measured.days = (_minute(began[0][0]), _minute(began[-1][0]))
    return measured


def _minute(started: str) -> str:
    return started[:16].replace("T", " ")


def _add(measured: Measured, experiment: str, folder: Path, verdict: RunVerdict) -> None:
    for cell in verdict.cells:
        plans = read_plans(folder / "plan" / "manifests" / f"{cell.configuration}.yaml")
        for trial in cell.trials:
            codes = {finding.code for finding in trial.findings}
            if not was_run(codes):
                continue
            measured.trials[experiment, cell.id].append(trial)
            timeline = folder / trial.directory / "timeline.jsonl"
            if timeline.exists() and is_calm(codes):
                found = delays_of(read_timeline(timeline), plans, read_failures(timeline.parent))
                for name, seconds in found.items():
                    measured.delays[name].extend(seconds)
