"""The embedded ingress-nginx answers as the real one did: the same status, headers and body for each annotation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ingress_answers import verdicts
from ingress_answers.asking import AGAIN, SETTINGS, Answers, Front, answers, cases, repeated, workload
from ingress_answers.page import PAGE, page, recorded

from harness.localkube.ingress.annotation_classes import ALIASES
from harness.localkube.ingress.annotations import RULES
from harness.localkube.ingress.config_map import RULES as KEYS

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane


def differences(found: Answers, right: Answers) -> list[str]:
    """Return each request whose answer differs, with both answers."""
    return [
        f"{name} {number}: {mine}, expected {real}"
        for name, rows in right.items()
        for number, (mine, real) in enumerate(zip(found[name], rows, strict=True))
        if mine != real
    ]


def test_every_implemented_annotation_has_a_case() -> None:
    """An annotation without one would be compared with nothing, and so would a case without an answer."""
    given = {
        ALIASES.get(name, name)
        for case in cases()
        for part in ("annotations", "canary")
        for name in case.get(part) or {}
    }

    assert set(RULES) - given == set()
    names = [*(case["name"] for case in cases()), *(case["name"] + AGAIN for case in repeated())]
    assert names == list(recorded())
    assert all(len(case["requests"]) == len(recorded()[case["name"]]) for case in cases())
    assert set(SETTINGS) <= set(KEYS)


def test_a_different_answer_is_found() -> None:
    """Another status, header or body is a difference."""
    real = recorded()
    wrong = {**real, "none": [{**real["none"][0], "status": 204}, *real["none"][1:]]}

    assert differences(real, real) == []
    assert [text.partition(":")[0] for text in differences(wrong, real)] == ["none 0"]


@pytest.mark.nginx
@pytest.mark.processes
def test_the_embedded_controller_answers_as_the_real_one(plane: StartPlane, tmp_path: Path) -> None:
    """The same objects and requests, for every case."""

    async def scenario() -> Answers:
        async with plane() as p:
            front = Front(p.block.ingress_address, p.settings.entry_port, p.settings.tls_port)
            async with workload(p.client, p.block, tmp_path):
                return await answers(front, p.client)

    assert differences(asyncio.run(scenario()), recorded()) == []


def test_the_page_is_current() -> None:
    """``python -m ingress_answers page`` writes it again."""
    assert PAGE.read_text(encoding="utf-8") == page(recorded(), verdicts.recorded())


def test_the_verdicts_are_those_of_a_real_cluster() -> None:
    """Each row, in each of the three ways. Another verdict is found, and so is a loss that is no chance."""
    found = verdicts.recorded()
    real = found["kind"]["proxy-next-upstream"]

    assert set(found) == set(verdicts.CLUSTERS)
    assert all(set(rows) == set(verdicts.CASES) for rows in found.values())
    assert "" not in {cell for rows in found.values() for row in rows.values() for cell in row.values()}
    assert verdicts.differences(found) == []
    for way in verdicts.CONFIGURATIONS:
        other = "lossless" if real[way].startswith("lossy") else "lossy, 20 of 120"
        doctored = {**found, "local": {**found["local"], "proxy-next-upstream": {**real, way: other}}}
        assert len(verdicts.differences(doctored)) == 1
