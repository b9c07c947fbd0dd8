"""Cases of the API: one request each, made of a base object and the fields that it changes.

A file in ``tests/differential/api`` has ``groups``; each group names what its cases share::

    - group: deployment
      base: deployment            # of bases.yaml
      query: {fieldValidation: Strict}
      cases:
        - {spec.replicas: -1}     # changes by path; "<drop>" takes a field away

Without ``given`` a case creates its object (dry run). With ``given``, the objects of these bases exist, and a case
is ``[METHOD, NAME/SUBRESOURCE, CONTENT, BODY]`` on the group's kind, or has changes that are sent by PUT.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from differential.paths import DROP, assign

ROOT = Path(__file__).parents[2] / "differential"

#: Short forms of the long paths.
_SHORT = {
    "C.": "spec.template.spec.containers[0].",
    "C1.": "spec.template.spec.containers[1].",
    "I.": "spec.template.spec.initContainers[0].",
    "P.": "spec.template.spec.",
    "B.": "spec.rules[0].http.paths[0].",
    "A.": "spec.containers[0].",
}
_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
    "object": "application/json",
}


@dataclass(frozen=True)
class ApiCase:
    """One request.

    Attributes:
        name: What it does; unique.
        group: Its group; cases of a group share a namespace.
        method: HTTP method.
        path: Path below ``/namespaces/NS`` with the group's API before it, where ``{ns}`` is the namespace.
        query: Query parameters, ``dryRun=All`` among them.
        content: Content type of the body.
        body: What is sent; None for none.
        accept: Media type to ask for.
        reference: The object whose changes are shown of the answered one; what was sent where it is one.
    """

    name: str
    group: str
    method: str
    path: str
    query: Mapping[str, str]
    content: str = "application/json"
    body: Any = None
    accept: str = "application/json"
    reference: Any = None


@dataclass(frozen=True)
class Group:
    """Cases with what they share.

    Attributes:
        name: Unique.
        given: Objects that exist, with the collections they are made in.
        cases: In the order of the file.
    """

    name: str
    given: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    cases: tuple[ApiCase, ...] = field(default=())


def load() -> list[Group]:
    """Read every group of ``tests/differential/api``."""
    bases = yaml.safe_load((ROOT / "api" / "bases.yaml").read_text())
    groups = [
        _group(described, bases)
        for path in sorted((ROOT / "api").glob("*.yaml"))
        if path.name != "bases.yaml"
        for described in yaml.safe_load(path.read_text())
    ]
    names = [case.name for group in groups for case in group.cases]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"cases with the same name: {repeated}")
    return groups


def _group(described: Mapping[str, Any], bases: Mapping[str, Any]) -> Group:
    name = str(described["group"])
    given = tuple((bases[base]["at"], bases[base]["object"]) for base in described.get("given", ()))
    base = bases[described["base"]]
    cases = tuple(_cases(name, described, base))
    return Group(name, given, cases)


def _cases(group: str, described: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[ApiCase]:
    query = {"dryRun": "All", **described.get("query", {})}
    query = {key: value for key, value in query.items() if value != DROP}
    for each in described["cases"]:
        if isinstance(each, list):
            yield _request(group, each, base, query)
        else:
            yield _changed(group, each, base, query, updates="given" in described)


def _request(group: str, words: list[Any], base: Mapping[str, Any], query: Mapping[str, str]) -> ApiCase:
    at = base["at"]
    method, name, content, body, *more = [*words, None, None, None][: max(4, len(words))]
    extra: Mapping[str, str] = more[0] if more and more[0] else {}
    accept = extra.get("accept", "application/json")
    parameters = {key: value for key, value in {**query, **extra}.items() if key != "accept" and value != DROP}
    parts = (method, name, content, "" if body is None else _brief(body), _brief(dict(extra)) if extra else "")
    shown = " ".join(str(part) for part in parts if part)
    path = str(name) if str(name or "").startswith("/") else f"{at}/{name}" if name else at
    kind = _TYPES.get(content or "", content or "application/json")
    reference = base["object"] if name and "/" not in str(name) else None
    return ApiCase(f"{group}: {shown}", group, method, path, parameters, kind, body, accept, reference)


def _changed(
    group: str, changes: Mapping[str, Any], base: Mapping[str, Any], query: Mapping[str, str], *, updates: bool
) -> ApiCase:
    body = copy.deepcopy(base["object"])
    for path, value in changes.items():
        assign(body, _long(path), copy.deepcopy(value))
    shown = ", ".join(f"{path}={_brief(value)}" for path, value in changes.items()) or "as it is"
    at = f"{base['at']}/{base['object']['metadata']['name']}" if updates else base["at"]
    return ApiCase(f"{group}: {shown}", group, "PUT" if updates else "POST", at, query, body=body, reference=body)


def _long(path: str) -> str:
    return next((long + path[len(short) :] for short, long in _SHORT.items() if path.startswith(short)), path)


def _brief(value: Any) -> str:
    """Return a value as part of a name: text as it is, unless JSON reads it as something else."""
    if isinstance(value, str) and value.strip() and len(value) < 80:
        try:
            json.loads(value)
        except ValueError:
            return value
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:150]}… ({len(text)})"
