"""``ctrf.json`` in the Common Test Report Format, for CI dashboards and bots.

An inconclusive case is ``other``, never ``passed``. A case whose trials disagree is ``flaky``. Times are whole
milliseconds. The report does not contain the time of its writing, so the same verdict gives the same bytes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from harness.report.document import Case, Document, Status

#: Version of the CTRF specification.
SPECIFICATION = "0.0.0"

_STATUS = {Status.PASSED: "passed", Status.FAILED: "failed", Status.UNKNOWN: "other"}


def render(document: Document) -> str:
    """Return the file's content."""
    cases = [case for suite in document.suites for case in suite.cases]
    start, length = _epoch_ms(document.started), round(document.seconds * 1000)
    report = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "generatedBy": "harness",
        "results": {
            "tool": {"name": "harness"},
            "summary": {
                "tests": len(cases),
                **{name: sum(_STATUS[case.status] == name for case in cases) for name in _STATUS.values()},
                "skipped": 0,
                "pending": 0,
                "flaky": sum(case.is_flaky for case in cases),
                "suites": len(document.suites),
                "start": start,
                "stop": start + length,
                "duration": length,
                "extra": {"answer": document.answer, "exitCode": document.process_code},
            },
            "tests": [_test(case) for case in cases],
            "environment": {"extra": {"command": document.command, **document.environment}},
        },
    }
    return json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _test(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": case.name,
        "suite": list(case.group),
        "status": _STATUS[case.status],
        "rawStatus": case.kind,
        "duration": round(case.seconds * 1000),
        "flaky": case.is_flaky,
        "message": case.message,
        "stdout": [case.summary, *case.reasons, *case.facts],
    }
    if case.status is not Status.PASSED and case.reasons:
        found["trace"] = "\n".join(case.reasons)
    if len(case.trials) > 1:
        found["extra"] = {"trials": [_STATUS[status] for status in case.trials]}
    return found


def _epoch_ms(iso: str) -> int:
    """Return an ISO 8601 time in milliseconds since the Unix epoch; 0 for other text."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return 0
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
