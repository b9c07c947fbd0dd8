"""Signs and labels of verdicts, weights and outcomes, shared by all reports."""

from __future__ import annotations

import shlex

from harness.model.verdict import Verdict, Weight

#: A sign for each verdict, for readers who can't tell the colours apart.
ICONS = {Verdict.LOSSLESS: "✓", Verdict.LOSSY: "✗", Verdict.INCONCLUSIVE: "?"}

#: Weight of a finding -> its label.
LABELS = {
    Weight.INSTRUMENT: "Can't be trusted",
    Weight.LOSS: "Lost",
    Weight.EVIDENCE: "Not enough evidence",
    Weight.NOTE: "Note",
}

#: Outcome -> its explanation.
OUTCOMES = {
    "status": "answered with an HTTP status that is no success (502: no answer from the pod, 503: no pod to ask)",
    "refused": "the connection was refused: nothing listens on the port",
    "reset": "the connection was reset (RST) before any answer",
    "closed": "the connection was closed before any answer",
    "truncated": "the answer broke off in the middle",
    "timeout-connect": "no connection within the timeout",
    "timeout-response": "no answer within the timeout",
    "wrong-answer": "a complete answer, but not one that this route allows",
    "malformed": "an answer that is not HTTP",
    "tls": "no TLS connection: the certificate was not accepted, or the two sides found no common protocol",
}

#: Reason for the end of a connection -> its explanation.
CLOSE_REASONS = {
    "by-us": "closed by the client",
    "peer-fin": "closed by the server (FIN)",
    "peer-rst": "reset by the server (RST)",
    "broken": "never established, or not HTTP",
    "peer-announced": "closed by the client, as the answer announced",
}


def again(command: str) -> str:
    """Return the command line without ``--out``, so that it works again: a run refuses an existing folder."""
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
