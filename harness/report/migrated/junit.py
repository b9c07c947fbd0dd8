"""JUnit XML of a migration: a cell is a test case; a target that loses is a failure, an unknown an error."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from harness.model.migration import CellPair, Migration, Outcome
from harness.report.junit import safe
from harness.report.migrated.sentences import OUTCOMES, answer, explain, figures, why_unknown


def render(migration: Migration) -> str:
    """The document; one suite."""
    document = JUnitXml(migration.name)
    suite = TestSuite(f"{migration.name}: {migration.source} to {migration.target}")
    suite.timestamp = migration.started
    told = {"command": migration.command, "answer": answer(migration), **migration.environment}
    for key, value in sorted(told.items()):
        suite.add_property(key, safe(value))
    for pair in migration.pairs:
        suite.add_testcase(_case(migration, pair))
    document.add_testsuite(suite)
    document.update_statistics()
    return str(document.tostring().decode()) + "\n"


def _case(migration: Migration, pair: CellPair) -> TestCase:
    case = TestCase(pair.change, f"{migration.name}.{pair.configuration}", 0.0)
    summary = (
        f"{OUTCOMES[pair.outcome]}: {migration.source} {figures(pair.source)};"
        f" {migration.target} {figures(pair.target)}"
    )
    lines = [
        f"{sentence.text} {sentence.advice}".rstrip()
        for sentence in (explain(migration, each, pair) for each in pair.differences)
    ]
    lines += [why_unknown(migration, pair)] if pair.outcome is Outcome.UNKNOWN else []
    text = safe("\n".join(lines))
    problem = {
        Outcome.TARGET_LOSES: lambda: Failure(summary, "target-loses"),
        Outcome.UNKNOWN: lambda: Error(summary, "unknown"),
    }.get(pair.outcome)
    if problem is not None:
        told = problem()
        told.text = text
        case.result = [told]
    case.system_out = f"{summary}\n{text}"
    return case
