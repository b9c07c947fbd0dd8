"""Tests of the differences between two controllers: each rule with sides that show it, and with sides that do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.judging.migration.annotations import ignored_annotations
from harness.judging.migration.differences import differences_of
from harness.judging.migration.sides import ABSENT, AccessFacts, delays
from harness.model.annotations import NGINX, TRAEFIK, Replacement
from harness.model.controllers import reads_annotation, replacement_of
from harness.model.migration import CellSide, MigrationDifference
from harness.model.verdict import Mark, Verdict

NOTHING = AccessFacts()


def side(lost: int = 0, **fields: Any) -> CellSide:
    """Return a side with these numbers."""
    made = replace(ABSENT, verdict=Verdict.LOSSY if lost else Verdict.LOSSLESS, stopped="", sent=1000, lost=lost)
    figures = {"tries_logged": True, "classes": {"status": lost} if lost else {}, **fields}
    return replace(made, **figures)


def named(source: CellSide, target: CellSide, change: str = "rolling-update") -> list[tuple[str, str]]:
    """Return (code, side) of the differences."""
    found = differences_of((source, target), (NOTHING, NOTHING), change)
    return [(difference.code.value, difference.side) for difference in found]


def test_equal_sides_have_no_difference() -> None:
    """Neither no loss nor the same loss is a difference."""
    assert named(side(), side()) == []
    assert named(side(7), side(7)) == []


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (side(7, sync_s=3.4), side(sync_s=0.2), [("sync-late", "source")]),
        (side(sync_s=3.4), side(7, sync_s=0.2), [("classes", "target")]),
        (side(7, sync_s=0.4), side(sync_s=0.2), [("classes", "source")]),
        (side(7, sync_s=3.4), side(sync_s=-1.0), [("classes", "source")]),
        (side(retried=12), side(7), [("retries", "target")]),
        (side(retried=12, tries_logged=False), side(7), [("classes", "target")]),
        (side(cut=64, reloads=1), side(), [("reload", "source")]),
        (side(cut=64, reloads=1), side(cut=64, reloads=1), []),
        (side(), side(7, statuses="504 x 7"), [("timeouts", "target")]),
        (side(7, classes={"status": 7}), side(7, classes={"wrong-answer": 7}), [("fell-through", "target")]),
        (side(), side(7), [("classes", "target")]),
    ],
)
def test_a_cause_is_named_if_both_sides_show_it(
    source: CellSide, target: CellSide, expected: list[tuple[str, str]]
) -> None:
    """The losing side was late, had no retries, reloaded, timed out or fell through; else its classes are named."""
    assert named(source, target) == expected


def test_a_route_that_fails_in_the_control_is_named_with_its_answers() -> None:
    """Nothing is changed, so a route that fails with one controller only is routed or rewritten differently."""
    access = (NOTHING, AccessFacts(300, 0, {"/apple 404": 300}))

    (found,) = differences_of((side(), side(300, routes={"GET /apple": "status 300"})), access, "none")

    assert (found.code.value, found.side) == ("routing", "target")
    assert found.numbers["answers"] == "/apple 404 × 300"  # noqa: RUF001 - typography


def test_the_delay_is_from_endpoints_to_the_controllers_event() -> None:
    """Only a change of ready endpoints counts, and their first appearance is no change."""
    marks = [
        Mark(1.0, "endpoints", "apple", "changed", "ready 127.1.1.1:80"),
        Mark(2.0, "endpoints", "apple", "changed", "ready 127.1.1.1:80, unready 127.1.1.2:80"),
        Mark(3.0, "endpoints", "apple", "changed", "ready 127.1.1.1:80,127.1.1.2:80"),
        Mark(4.0, "endpoints", "apple", "changed", "ready 127.1.1.2:80"),
        Mark(6.5, "ingress", "ingress-nginx", "endpoints", ""),
        Mark(7.0, "ingress", "ingress-nginx", "endpoints", ""),
    ]

    assert list(delays(marks)) == [3.5, 2.5]


def ingress(**annotations: str) -> dict[str, Any]:
    """Return an Ingress with annotations of ingress-nginx, and one of no controller."""
    notes = {NGINX + name.replace("_", "-"): value for name, value in annotations.items()}
    return {"kind": "Ingress", "metadata": {"name": "fruit", "annotations": {**notes, "example.com/owner": "me"}}}


def ignored(found: tuple[MigrationDifference, ...]) -> list[str]:
    """Return the names of the reported annotations."""
    return [str(each.numbers["annotation"]).rpartition("/")[2] for each in found]


def test_annotations_that_the_target_ignores_are_reported_once() -> None:
    """Traefik's Ingress provider reads none of ingress-nginx's; its ingress-nginx provider reads most."""
    manifests = [ingress(rewrite_target="/", load_balance="ewma")] * 2 + [{"kind": "Service", "metadata": {}}]

    assert ignored(ignored_annotations(manifests, "ingress-nginx", "traefik")) == ["load-balance", "rewrite-target"]
    assert ignored(ignored_annotations(manifests, "ingress-nginx", "traefik-nginx")) == ["load-balance"]
    assert ignored(ignored_annotations(manifests, "traefik-nginx", "traefik")) == ["rewrite-target"]
    assert ignored_annotations(manifests, "ingress-nginx", "ingress-nginx") == ()
    assert ignored_annotations(manifests, "traefik", "ingress-nginx") == ()


def test_traefiks_annotations_are_ignored_by_ingress_nginx() -> None:
    """This is the migration in the other direction."""
    assert reads_annotation("traefik", TRAEFIK + "router.priority")
    assert not reads_annotation("ingress-nginx", TRAEFIK + "router.priority")


def test_the_longest_matching_name_decides_the_replacement() -> None:
    """``proxy-next-upstream-tries`` belongs to retries; an unknown annotation has no replacement."""
    assert replacement_of("traefik", NGINX + "proxy-next-upstream-tries").about == "retries"
    assert replacement_of("traefik", NGINX + "session-cookie-name").about == "sticky sessions"
    assert replacement_of("traefik", NGINX + "canary-weight").about == "canary"
    assert replacement_of("traefik", NGINX + "of-no-controller") == Replacement("", "")
