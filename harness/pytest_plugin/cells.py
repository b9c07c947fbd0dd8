"""The cells of an Experiment as pytest items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.experiment.load import load_experiment
from harness.model.experiment import Cell
from harness.report.run import document
from harness.report.terminal import plain
from harness.runner.rules import rules_of
from harness.store.rundir import new_folder


class ExperimentFile(pytest.File):
    """An Experiment whose cells are tests.

    Without xdist, all selected cells run side by side in one run, when the first of them is due. A worker of xdist
    does not know which cells it will get, so there each cell is a run with the control of its configuration.
    """

    _result: harness.RunResult | None = None

    def collect(self) -> Iterator[CellItem]:
        """Yield an item for each cell.

        Raises:
            CollectError: The Experiment has problems; lists all of them.
        """
        try:
            rules = rules_of(self.config.getoption("--harness-cluster"), {})
            self.experiment = load_experiment(self.path, rules=rules)
        except harness.HarnessError as error:
            raise self.CollectError(str(error)) from error
        for cell in self.experiment.cells:
            item: CellItem = CellItem.from_parent(self, name=cell.id, cell=cell)
            yield item

    def result_of(self, item: CellItem) -> harness.RunResult:
        """Return the run that has the verdict of a cell; the cells run when the first one is asked for."""
        if hasattr(self.config, "workerinput"):
            return self._run([item.cell])
        if self._result is None:
            mine = [each.cell for each in self.session.items if isinstance(each, CellItem) and each.parent is self]
            self._result = self._run(mine)
        return self._result

    def _run(self, cells: Iterable[Cell]) -> harness.RunResult:
        wanted = [*cells]
        configurations = {cell.configuration.name for cell in wanted}
        kept = tuple(
            cell
            for cell in self.experiment.cells
            if cell in wanted or (cell.change.facts.is_control and cell.configuration.name in configurations)
        )
        reports = self.config.getoption("--harness-reports")
        name = f"{self.path.stem}--{wanted[0].id}" if len(wanted) == 1 else self.path.stem
        lasting = self.config.getoption("--harness-cluster-name")
        options = harness.RunOptions(
            cluster=self.config.getoption("--harness-cluster"),
            cluster_options={"reuse": lasting, "name": lasting} if lasting else {},
            out=new_folder(Path(reports), name) if reports else None,
            command=f"pytest --harness-experiment {self.path}",
        )
        return harness.run(replace(self.experiment, cells=kept), options)


class CellItem(pytest.Item):
    """A cell as a test: it passes if the verdict is the expected one."""

    def __init__(self, *, cell: Cell, **settings: Any) -> None:
        super().__init__(**settings)
        self.cell = cell

    def runtest(self) -> None:
        """Run the cell, unless its Experiment has run already.

        Raises:
            UnexpectedVerdictError: The verdict is not the expected one.
            InconclusiveError: The cell is inconclusive.
            HarnessError: A trial failed because of a bug of the harness.
            KeyboardInterrupt: Ctrl-C ended the run.
        """
        assert isinstance(self.parent, ExperimentFile)
        result = self.parent.result_of(self)
        if result.interrupted:
            raise KeyboardInterrupt
        cell = next(each for each in result.verdict.cells if each.id == self.cell.id)
        self.user_properties.append(("harness_verdict", cell.verdict.value))
        self.user_properties.append(("harness_report", str(result.directory / "index.html")))
        if cell.as_expected and not result.bugs:
            return
        verdict = replace(result.verdict, cells=(cell,), configurations=(cell.configuration,), changes=(cell.change,))
        account = "\n".join([plain(document(verdict)), *result.bugs])
        if result.bugs:
            raise harness.HarnessError("The harness itself failed.", detail=account)
        if cell.verdict is harness.Verdict.INCONCLUSIVE:
            message = f"{cell.id} is inconclusive: neither lossless nor lossy."
            raise harness.InconclusiveError(message, account=account, directory=result.directory)
        message = f"{cell.id} is {cell.verdict}, expected {cell.expected}: {cell.lost:,} of {cell.sent:,} lost."
        raise harness.UnexpectedVerdictError(message, account=account, directory=result.directory)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the account in place of a traceback, unless it is a bug."""
        if isinstance(excinfo.value, harness.HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file and the heading of a failure."""
        return self.path, None, self.name
