"""The annotations ``default-backend`` and ``custom-http-errors`` as clients see them; with a real nginx."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import settings_of

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane

NGINX = (pytest.mark.nginx, pytest.mark.processes)


def errors_of(text: str) -> tuple[int, ...]:
    """Return the custom errors of an annotation's value."""
    annotations: dict[str, Any] = {f"{PREFIX}custom-http-errors": text}
    return settings_of({"metadata": {"name": "x", "annotations": annotations}}).custom_errors


@pytest.mark.parametrize(
    ("text", "codes"), [("503", (503,)), ("503,404,503", (404, 503)), ("404, 503", ()), ("404,", ()), ("4xx", ())]
)
def test_one_wrong_status_disables_all(text: str, codes: tuple[int, ...]) -> None:
    """ingress-nginx ignores the annotation, even for a space between two numbers."""
    assert errors_of(text) == codes


@pytest.mark.nginx
@pytest.mark.processes
def test_a_default_backend_serves_while_there_are_no_endpoints(plane: StartPlane) -> None:
    """Headers give it the reason, and the change to it and back reloads nginx, as with ingress-nginx."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app, p.upstream("sorry", 2) as sorry:
            await p.service("shop", app.at)
            await p.service("sorry", sorry.at)
            await p.shop({"default-backend": "sorry"}, paths=("/cart",))
            await p.gives(200, "/cart", answer="v1")
            reloads = len(p.sync_log("reload"))

            await p.service("shop", terminating=[app.at])
            await p.recorded("reload", reloads + 1)
            await p.gives(200, "/cart", answer="sorry")
            head = sorry.requests[-1].lower()
            for line in ("x-code: 503", "x-service-name: shop", "x-ingress-name: shop", "x-namespace: default"):
                assert line in head
            assert "get /cart " in head
            assert head.count("x-request-id:") == 1
            assert (await p.exchange("/elsewhere")).status == 404

            await p.service("shop", app.at)
            await p.recorded("reload", reloads + 2)
            await p.gives(200, "/cart", answer="v1")

    asyncio.run(scenario())


@pytest.mark.nginx
@pytest.mark.processes
def test_a_default_backend_that_does_not_exist_changes_nothing(plane: StartPlane) -> None:
    """Without endpoints, too, it is not used: the answer stays 503."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app:
            await p.service("shop", terminating=[app.at])
            await p.shop({"default-backend": "nowhere"})

            await p.gives(503)

    asyncio.run(scenario())


@pytest.mark.nginx
@pytest.mark.processes
def test_custom_errors_are_replaced(plane: StartPlane) -> None:
    """The answer is the default backend's, at its root; without one it is the controller's 404."""

    async def scenario() -> None:
        async with plane() as p, p.upstream("v1", 1) as app, p.upstream("sorry", 2) as sorry:
            await p.service("shop", p.nowhere(3))
            await p.service("sorry", sorry.at)
            await p.shop({"default-backend": "sorry", "custom-http-errors": "502,413", "proxy-body-size": "1"})

            await p.gives(200, "/cart", answer="sorry")
            head = sorry.requests[-1].lower()
            assert "get / " in head
            assert "x-code: 502" in head
            assert "x-original-uri: /cart" in head
            assert "x-service-port: 80" in head
            await p.service("shop", app.at)
            await p.gives(200, "/cart", answer="v1")
            assert (await p.exchange("/cart", method="POST", body="too long")).body == "sorry"

            await p.annotate("shop", default_backend="nowhere")
            await p.service("shop", p.nowhere(3))
            await p.gives(404, "/cart")
            await p.annotate("shop", custom_http_errors="502, 413")
            await p.gives(502, "/cart")

    asyncio.run(scenario())
