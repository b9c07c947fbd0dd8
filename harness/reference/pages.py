"""The pages with generated parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.reference import causes, changes, findings, settings
from harness.reference.markers import with_parts
from harness.reference.roles import cluster_role, role_in_place

#: Page below ``docs`` -> name of the part -> its generator.
PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "reference/experiments.md": {
        "fields of the file": settings.file,
        "fields of traffic": settings.traffic,
        "fields of a ramp": settings.ramp,
        "fields of a step": settings.step,
        "fields of every change": settings.every_change,
        "kinds of changes": changes.kinds,
        "fields of changes": settings.changes,
        "fields of a match": settings.match,
        "fields of a model": settings.model,
        "endings of stand-ins": settings.endings,
        "fields of expect": settings.expect,
        "fields of the validation": settings.validation,
        "codes of problems": settings.codes,
    },
    "reference/causes.md": {"causes": causes.causes},
    "reference/findings.md": {"findings": findings.findings},
    "reference/rights.md": {"cluster role": cluster_role, "role in place": role_in_place},
    "reference/in-place.md": {
        "changes in place": changes.in_place,
        "changes not in place": changes.not_in_place,
    },
}


def generated(docs: Path, page: str) -> str:
    """Return a page with its generated parts up to date.

    Raises:
        HarnessError: It lacks the markers of a part.
    """
    parts = {name: generate() for name, generate in PAGES[page].items()}
    return with_parts((docs / page).read_text(encoding="utf-8"), parts)


def outdated(docs: Path) -> tuple[str, ...]:
    """Return the pages whose generated parts are out of date."""
    return tuple(page for page in PAGES if (docs / page).read_text(encoding="utf-8") != generated(docs, page))


def write(docs: Path, page: str) -> None:
    """Bring a page up to date."""
    (docs / page).write_text(generated(docs, page), encoding="utf-8")
