"""Signs and labels of verdicts, weights and outcomes, the same in every report."""

from __future__ import annotations

import shlex

from harness.model.verdict import Verdict, Weight

#: A sign for each verdict, since colour alone is not for everybody.
ICONS = {Verdict.LOSSLESS: "✓", Verdict.LOSSY: "✗", Verdict.INCONCLUSIVE: "?"}

#: The label of each finding.
LABELS = {
    Weight.INSTRUMENT: "Can't be trusted",
    Weight.LOSS: "Lost",
    Weight.EVIDENCE: "Not enough evidence",
    Weight.NOTE: "Note",
}

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


def again(command: str) -> str:
    """Return a command line that works once more: without ``--out``, since a run never takes an existing folder."""
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
