"""``junit.xml`` for CI. A failed case is a failure; an inconclusive one is an error. Each has its reasons."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from harness.report.document import Case, Document, Status

_PROBLEMS = {Status.FAILED: Failure, Status.UNKNOWN: Error}


def render(document: Document) -> str:
    """Return the file's content."""
    xml = JUnitXml(document.name)
    for each in document.suites:
        suite = TestSuite(each.name)
        suite.timestamp = document.started
        properties = {"command": document.command, "answer": document.answer, **document.environment}
        for key, value in sorted(properties.items()):
            suite.add_property(key, _safe(value))
        for case in each.cases:
            suite.add_testcase(_case(case))
        xml.add_testsuite(suite)
    xml.update_statistics()
    return str(xml.tostring().decode()) + "\n"


def _case(case: Case) -> TestCase:
    element = TestCase(case.name, ".".join(case.group), case.seconds)
    text = _safe("\n".join(case.reasons))
    if case.status in _PROBLEMS:
        problem = _PROBLEMS[case.status](case.message, case.kind)
        problem.text = text
        element.result = [problem]
    element.system_out = "\n".join((case.summary, text, *case.facts))
    return element


def _safe(text: str) -> str:
    """Return text without characters that XML does not allow. The tail of a log may have control characters."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
