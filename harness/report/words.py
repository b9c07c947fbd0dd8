"""Names and signs of verdicts and cells, the same in every report."""

from __future__ import annotations

import shlex

from harness.model.verdict import CellVerdict, Verdict

#: An icon beside each verdict's word: colour alone is not for everybody.
ICONS = {Verdict.LOSSLESS: "✓", Verdict.LOSSY: "✗", Verdict.INCONCLUSIVE: "?"}

#: What each outcome class means to somebody who has not read the manual.
OUTCOMES = {
    "status": "answered with an HTTP status that is no success (502: no answer from the pod, 503: no pod to ask)",
    "refused": "the connection was refused: nobody listens there",
    "reset": "the connection was reset (RST) before any answer",
    "closed": "the connection was closed before any answer",
    "truncated": "the answer broke off in the middle",
    "timeout-connect": "no connection within the timeout",
    "timeout-response": "no answer within the timeout",
    "wrong-answer": "a complete answer, but not one that this route may give",
    "malformed": "an answer that is not HTTP",
    "tls": "no TLS connection: the certificate was not accepted, or the two sides found no common protocol",
}


def expected(cell: CellVerdict) -> str:
    """What was expected of a cell: ``lossy (status)``."""
    text = "lossless or lossy" if cell.expected == "any" else cell.expected
    by = f" ({' or '.join(cell.expected_classes)})" if cell.expected_classes and cell.expected != "lossless" else ""
    return text + by


def title(cell: CellVerdict) -> str:
    """Configuration and change, with a multiplication sign."""
    return f"{cell.configuration} × {cell.change}"  # noqa: RUF001 - typography


def again(command: str) -> str:
    """A command line to be given once more: without ``--out``, since a run never takes another's folder."""
    try:
        parts = shlex.split(command)
    except ValueError:
        return command
    kept = [
        part
        for before, part in zip(["", *parts], parts, strict=False)
        if "--out" not in (before, part) and not part.startswith("--out=")
    ]
    return shlex.join(kept) if len(kept) < len(parts) else command
