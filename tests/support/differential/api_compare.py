"""Compare answers of the embedded cluster with those of a real one, fact by fact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from differential.api_answers import Answer

#: The facts of an answer. A user draws another conclusion where one of the first four differs.
FACTS = ("code", "reason", "causes", "object", "warnings", "message", "text", "status")


@dataclass(frozen=True, order=True)
class Difference:
    """One fact of a case that differs.

    Attributes:
        case: Name of the case.
        fact: Which fact.
        real: What it is on the real cluster.
        ours: What it is on the embedded cluster.
    """

    case: str
    fact: str
    real: Any
    ours: Any

    def __str__(self) -> str:
        indent = " " * len(self.fact)
        return f"{self.case}\n    {self.fact}: real {_shown(self.real)}\n    {indent}  ours {_shown(self.ours)}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


#: Words of the warnings that only the embedded cluster has: they say what it lacks, and are no answer of an API.
_NOTICE = ("is not implemented by the embedded cluster", " is unknown: ")


def _without_notices(answer: Answer) -> Answer:
    kept = [text for text in answer.get("warnings", ()) if not any(words in text for words in _NOTICE)]
    plain = {fact: value for fact, value in answer.items() if fact != "warnings"}
    return {**plain, "warnings": kept} if kept else plain


def read(path: Path) -> tuple[dict[str, Any], dict[str, Answer]]:
    """Read a recording: its header, and the answers by case."""
    header, *lines = map(json.loads, path.read_text().splitlines())
    return header, {line.pop("case"): line for line in lines}


def differences(real: Mapping[str, Answer], ours: Mapping[str, Answer]) -> list[Difference]:
    """Return every fact that differs; a case that only one side has differs as a whole."""
    found = []
    ours = {case: _without_notices(answer) for case, answer in ours.items()}
    for case in sorted({*real, *ours}):
        if case not in real or case not in ours:
            found.append(Difference(case, "case", case in real, case in ours))
            continue
        # An answer of another code has other facts all along: one difference is enough.
        facts = ("code",) if real[case].get("code") != ours[case].get("code") else FACTS
        for fact in facts:
            one, other = real[case].get(fact), ours[case].get(fact)
            if fact == "object" and isinstance(one, dict) and isinstance(other, dict):
                paths = [path for path in sorted({*one, *other}) if _shown(one.get(path)) != _shown(other.get(path))]
                one, other = ({path: side.get(path) for path in paths} for side in (one, other))
            if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
                found.append(Difference(case, fact, one, other))
    return found
