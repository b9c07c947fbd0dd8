"""Compare our answers with those of Kubernetes' functions, and sort the differences by what differs."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from differential.paths import flat

from genuine.questions import Question

ROOT = Path(__file__).parents[2] / "genuine"
RECORDING = ROOT / "recorded.jsonl.xz"
KNOWN = ROOT / "known.yaml"

#: Fields that the server chooses, or that another part of it writes.
_CHOSEN = {
    "metadata": ("uid", "creationTimestamp", "managedFields", "resourceVersion", "selfLink", "generation"),
    "spec": ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"),
}
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Recorded:
    """A question with the answer of Kubernetes' functions."""

    asked: Question
    answer: Any


@dataclass(frozen=True)
class Difference:
    """One fact that differs.

    Attributes:
        number: The question's place in the recording.
        what: What was asked for, the fact and the place, without indices: differences of one kind have the same text.
        real: The recorded value.
        ours: Our value.
    """

    number: int
    what: str
    real: Any
    ours: Any

    def __str__(self) -> str:
        return f"question {self.number}: {self.what}\n    real {_json(self.real)}\n    ours {_json(self.ours)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def write(path: Path, header: dict[str, str], rows: Iterable[Recorded]) -> None:
    """Write a recording."""
    lines = [header, *([each.asked, each.answer] for each in rows)]
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def read(path: Path = RECORDING) -> tuple[dict[str, str], list[Recorded]]:
    """Read a recording: its header, and the questions with their answers."""
    header, *rows = map(json.loads, lzma.decompress(path.read_bytes()).decode().splitlines())
    return header, [Recorded(asked, answer) for asked, answer in rows]


def differences(number: int, asked: Question, real: Any, ours: Any) -> Iterator[Difference]:
    """Yield every fact in which two answers to a question differ."""
    what = asked["what"]
    if what in {"admit", "replace"}:
        kind = (asked["old"] if what == "replace" else asked["object"])["kind"]
        for fact, one, other in _admission(real, ours):
            yield Difference(number, f"{what} {kind}: {fact}", one, other)
    else:
        one, other = (_plain(what, answer) for answer in (real, ours))
        if _json(one) != _json(other):
            kept = what == "patch" and '"$patch"' in _json(one)
            yield Difference(number, f"{what}: a directive is kept" if kept else what, one, other)


def compare(rows: Iterable[Recorded], answer: Callable[[Question], Any]) -> list[Difference]:
    """Return every difference between the recorded answers and those of a function."""
    return [
        each
        for number, row in enumerate(rows)
        for each in differences(number, row.asked, row.answer, answer(row.asked))
    ]


def _plain(what: str, answer: Any) -> Any:
    """Return an answer without what only tells how it was made: texts of errors, and names of slices."""
    if isinstance(answer, dict) and "error" in answer:
        return "refused"
    if what == "patch":
        return _without_nulls(answer)
    if what == "slices":
        return sorted((_slice(each["object"]) for each in answer), key=_json)
    return answer


def _slice(obj: dict[str, Any]) -> Any:
    """Return what a client of an EndpointSlice reads, in an order of its own."""
    endpoints = sorted(({**each} for each in obj.get("endpoints") or []), key=_json)
    labels = obj["metadata"].get("labels")
    # Kubernetes orders ports by a hash of its own, and a slice without ports is stored with a null.
    ports = sorted(obj.get("ports") or [], key=_json)
    parts = {"labels": labels, "ports": ports, "endpoints": endpoints, "addressType": obj["addressType"]}
    return _without_nulls(parts)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _outcome(answer: Any) -> str:
    return next(word for word in ("undecodable", "causes", "object") if word in answer)


def _admission(real: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    one, other = _outcome(real), _outcome(ours)
    if one != other:
        detail = sorted(
            f"{c.get('reason')} {_INDEX.sub('[]', c.get('field', ''))}"
            for c in (real, ours)[one != "causes"].get("causes", [])
        )
        yield f"outcome {one} not {other} {'; '.join(detail)}".strip(), real.get(one), ours.get(other)
        return
    if sorted(real.get("unknown", ())) != sorted(ours.get("unknown", ())):
        yield "unknown", real.get("unknown"), ours.get("unknown")
    match one:
        case "undecodable":
            wrong = not real[one].endswith(
                ours[one].rpartition("cannot be handled as a ")[2].partition(": ")[2] or ours[one]
            )
            if wrong:
                yield "text of a type error", real[one], ours[one]
        case "causes":
            yield from _causes(real[one], ours[one])
        case _:
            yield from _objects(real[one], ours[one])
            if sorted(real.get("warnings", ())) != sorted(ours.get("warnings", ())):
                yield "warnings", real.get("warnings"), ours.get("warnings")


def _causes(real: Sequence[dict[str, str]], ours: Sequence[dict[str, str]]) -> Iterator[tuple[str, Any, Any]]:
    def places(causes: Sequence[dict[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in causes:
            found.setdefault(f"{each.get('reason', '')} {each.get('field', '')}", []).append(each.get("message", ""))
        return {place: sorted(set(texts)) for place, texts in found.items()}

    one, other = places(real), places(ours)
    for place in sorted({*one, *other}):
        short = _INDEX.sub("[]", place)
        if place not in other:
            yield f"not refused {short}", one[place], None
        elif place not in one:
            yield f"refused {short}", None, other[place]
        elif one[place] != other[place]:
            yield f"message {short}", one[place], other[place]


def _objects(real: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    one, other = (dict(flat(_without_nulls(_reduced(each)))) for each in (real, ours))
    for path in sorted({*one, *other}):
        if _json(one.get(path)) != _json(other.get(path)) or (path in one) != (path in other):
            yield f"object {_INDEX.sub('[]', path)}", one.get(path), other.get(path)


def _reduced(obj: dict[str, Any]) -> dict[str, Any]:
    obj = json.loads(json.dumps(obj))
    for part, names in _CHOSEN.items():
        for name in names:
            (obj.get(part) or {}).pop(name, None)
    if obj["kind"] == "Service":
        for port in (obj.get("spec") or {}).get("ports") or []:
            port.pop("nodePort", None)
    if obj["kind"] != "Pod":
        obj.pop("status", None)
    return obj


@dataclass(frozen=True)
class Known:
    """A kind of difference that is left, with the reason.

    Attributes:
        what: A regular expression for ``Difference.what``.
        reason: Why it is left.
    """

    what: re.Pattern[str]
    reason: str


def read_known(path: Path = KNOWN) -> list[Known]:
    """Read the table of differences that are left."""
    blocks = yaml.safe_load(path.read_text())
    return [Known(re.compile(what), block["reason"]) for block in blocks for what in block["what"]]


def judge(found: Sequence[Difference], known: Sequence[Known]) -> tuple[list[Difference], list[Known]]:
    """Return the differences that the table has no row for, and the rows that have no difference."""
    new = [each for each in found if not any(row.what.fullmatch(each.what) for row in known)]
    gone = [row for row in known if not any(row.what.fullmatch(each.what) for each in found)]
    return new, gone
