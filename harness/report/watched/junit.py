"""JUnit XML of a watch: an origin is a test case; lossy is a failure, inconclusive an error."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from harness.model.verdict import Verdict
from harness.model.watch import OriginVerdict, WatchVerdict
from harness.report.junit import safe
from harness.report.watched.sentences import answer, reasons
from harness.wording import count


def render(watch: WatchVerdict) -> str:
    """The document."""
    document, suite = JUnitXml("watch"), TestSuite("watch")
    suite.timestamp = watch.started
    for key, value in sorted({"command": watch.command, "answer": answer(watch), **watch.environment}.items()):
        suite.add_property(key, value)
    for origin in watch.origins:
        suite.add_testcase(_case(origin))
    document.add_testsuite(suite)
    document.update_statistics()
    return str(document.tostring().decode()) + "\n"


def _case(origin: OriginVerdict) -> TestCase:
    trial = origin.trial
    case = TestCase(origin.url, "watch", origin.seconds)
    summary = f"{trial.verdict}: {count(trial.identity.lost_total)} of {count(trial.identity.sent)} lost"
    text = "\n".join(safe(f"{sentence.text} {sentence.advice}".rstrip()) for _, sentence in reasons(origin))
    if trial.verdict is not Verdict.LOSSLESS:
        kind = Failure if trial.verdict is Verdict.LOSSY else Error
        problem = kind(summary, trial.verdict.value)
        problem.text = text
        case.result = [problem]
    case.system_out = f"{summary}\n{text}"
    return case
