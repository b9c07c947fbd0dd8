"""Redirects by annotations as clients see them, and wrong values as ingress-nginx treats them; with a real nginx."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import redirect_of, settings_of

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane

NEW = "https://new.example"
TEMPORAL, PERMANENT, CODE = "temporal-redirect", "permanent-redirect", "permanent-redirect-code"


def annotated(annotations: dict[str, str]) -> dict[str, object]:
    """Build an Ingress with annotations, given without their prefix."""
    return {"metadata": {"name": "x", "annotations": {PREFIX + name: value for name, value in annotations.items()}}}


@pytest.mark.parametrize(
    ("annotations", "redirect"),
    [
        ({PERMANENT: NEW}, (301, NEW)),
        ({PERMANENT: NEW, CODE: "308"}, (308, NEW)),
        ({PERMANENT: NEW, CODE: "404"}, (301, NEW)),
        ({PERMANENT: NEW, CODE: "soon"}, None),
        ({PERMANENT: "new.example$request_uri"}, (301, "new.example$request_uri")),
        ({PERMANENT: " "}, None),
        ({PERMANENT: f"{NEW};}} server {{"}, None),
        ({TEMPORAL: NEW, PERMANENT: "https://other.example"}, (302, NEW)),
        ({TEMPORAL: "new.example", PERMANENT: NEW}, None),
        ({TEMPORAL: "", PERMANENT: NEW}, None),
        ({PERMANENT: NEW, "from-to-www-redirect": "maybe"}, None),
        ({PERMANENT: NEW, "from-to-www-redirect": "false"}, (301, NEW)),
        ({CODE: "308"}, None),
    ],
)
def test_one_wrong_annotation_disables_all_redirects(
    annotations: dict[str, str], redirect: tuple[int, str] | None
) -> None:
    """ingress-nginx reads the redirects of an Ingress together, the temporal one first."""
    assert redirect_of(annotated(annotations)) == redirect


@pytest.mark.parametrize(
    ("value", "root"), [("/app", "/app"), ("app", ""), ("https://shop.example/app", ""), ("/a%zz", ""), ("/a b", "")]
)
def test_an_app_root_is_an_absolute_path(value: str, root: str) -> None:
    """ingress-nginx ignores every other value."""
    assert settings_of(annotated({"app-root": value})).app_root == root


@pytest.mark.nginx
@pytest.mark.processes
def test_redirects_answer_every_path_and_come_and_go_with_a_reload(plane: StartPlane) -> None:
    """The target may use variables, and the paths without a rule are redirected, too."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop({PERMANENT: f"{NEW}$request_uri", CODE: "307"}, paths=("/cart",))

            for path in ("/cart/1?a=b", "/elsewhere"):
                reply = await p.gives(307, path)
                assert reply.headers["location"] == NEW + path
            assert (await p.exchange("/cart", method="POST", body="x")).status == 307
            assert app.requests == []

            await p.annotate("shop", permanent_redirect_code="no number")
            await p.gives(200, "/cart")
            await p.annotate("shop", temporal_redirect=NEW)
            assert (await p.gives(302, "/cart")).headers["location"] == NEW
            await p.recorded("reload", 3)
            assert len(p.sync_log("reload")) == 3

    asyncio.run(scenario())


@pytest.mark.nginx
@pytest.mark.processes
def test_an_app_root_redirects_only_the_root(plane: StartPlane) -> None:
    """It precedes the redirect to HTTPS, and it applies to the whole host."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", app.at)
            await p.shop({"app-root": "/app", "force-ssl-redirect": "true"}, paths=("/app",))

            assert (await p.gives(302)).headers["location"] == "http://shop.example/app"
            assert (await p.gives(308, "/app")).headers["location"] == "https://shop.example/app"
            await p.gives(404, host="other.example")

    asyncio.run(scenario())
