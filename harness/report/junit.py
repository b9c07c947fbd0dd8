"""JUnit XML for CI: a cell is a test case; unexpected is a failure, inconclusive an error, each with its reasons."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from harness.findings.stopping import stopped
from harness.model.verdict import CellVerdict, RunVerdict, Verdict
from harness.report.answering import lines
from harness.report.sentences import answer, reasons
from harness.report.words import expected
from harness.wording import count


def render(run: RunVerdict) -> str:
    """The document; a suite per configuration."""
    document = JUnitXml(run.name)
    for configuration in run.configurations:
        suite = TestSuite(configuration)
        suite.timestamp = run.started
        for key, value in sorted({"command": run.command, "answer": answer(run), **run.environment}.items()):
            suite.add_property(key, value)
        for cell in run.cells:
            if cell.configuration == configuration:
                suite.add_testcase(_case(run, cell))
        document.add_testsuite(suite)
    document.update_statistics()
    return str(document.tostring().decode()) + "\n"


def _case(run: RunVerdict, cell: CellVerdict) -> TestCase:
    case = TestCase(cell.change, f"{run.name}.{cell.configuration}", _seconds(cell))
    what = stopped(cell) or cell.verdict
    summary = f"{what}: {count(cell.lost)} of {count(cell.sent)} lost, {count(cell.cut)} connections cut"
    text = "\n".join(safe(f"{sentence.text} {sentence.advice}".rstrip()) for _, sentence in reasons(cell))
    if cell.verdict is Verdict.INCONCLUSIVE:
        problem = Error(f"{summary}; expected {expected(cell)}", "inconclusive")
    else:
        problem = Failure(f"{summary}; expected {expected(cell)}", f"unexpectedly-{cell.verdict}")
    if not cell.as_expected:
        problem.text = text
        case.result = [problem]
    case.system_out = "\n".join((summary, text, *lines(cell)))
    return case


def _seconds(cell: CellVerdict) -> float:
    """How long the trials' traffic lasted."""
    return round(sum(phase.end - phase.start for trial in cell.trials for phase in trial.phases), 3)


def safe(text: str) -> str:
    """Text without what XML can't hold: a log's tail may have colours and other control characters."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
