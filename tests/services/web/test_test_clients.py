"""Each example with the test client of its framework: twice in a row, and without a lifespan."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient as AiohttpTestClient
from aiohttp.test_utils import TestServer as AiohttpTestServer
from aiohttp.test_utils import make_mocked_request
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient as DjangoTestClient
from django.test import Client as DjangoClientOfWSGI
from fastapi.testclient import TestClient as FastAPITestClient
from litestar.testing import AsyncTestClient as LitestarTestClient
from starlette.testclient import TestClient as StarletteTestClient

from plivo_async.testing import FakePlivo, StubResponse
from plivo_async.testing.documented import DOCUMENTED_CALL
from tests.services.web.running import EXAMPLES

COST = {"seconds": 1, "amount": "0.01667"}
Example = Callable[[str], Any]
Get = Callable[[str], Awaitable[tuple[int, Any]]]


@pytest.fixture
def example(fake_plivo: FakePlivo, fake_plivo_url: str, monkeypatch: pytest.MonkeyPatch) -> Example:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("PLIVO_AUTH_ID", fake_plivo.auth_id)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", fake_plivo.auth_token)
    monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", fake_plivo_url)
    return importlib.import_module


async def check(get: Get, fake: FakePlivo) -> None:
    """Check the responses to a call, to one without a record, to a bad call UUID and to failures of Plivo."""
    [call_uuid] = fake.call_uuids
    assert await get(f"/calls/{call_uuid}/cost") == (200, COST)
    status, record = await get(f"/calls/{call_uuid}")
    assert (status, record) == (200, {**DOCUMENTED_CALL})
    assert await get("/calls/none/cost") == (404, {"detail": "NotFoundError"})
    assert await get("/calls/no%20uuid/cost") == (422, {"detail": "InvalidCallUUIDError"})
    fake.script([401, StubResponse(503, headers={"Retry-After": "30"})])
    assert await get(f"/calls/{call_uuid}/cost") == (502, {"detail": "AuthenticationError"})
    assert await get(f"/calls/{call_uuid}/cost") == (503, {"detail": "DeadlineExceededError"})


def sync_get(browser: Any) -> Get:
    async def get(path: str) -> tuple[int, Any]:
        response = browser.get(path)
        return response.status_code, response.json()

    return get


async def test_fastapi(example: Example, fake_plivo: FakePlivo) -> None:
    app = example("fastapi_service").app
    for _ in range(2):
        with FastAPITestClient(app) as browser:
            await check(sync_get(browser), fake_plivo)
    with pytest.raises(AttributeError, match="has no attribute 'plivo'"):
        FastAPITestClient(app).get("/calls/c1/cost")


async def test_starlette(example: Example, fake_plivo: FakePlivo) -> None:
    app = example("starlette_service").app
    for _ in range(2):
        with StarletteTestClient(app) as browser:
            await check(sync_get(browser), fake_plivo)
    with pytest.raises(KeyError, match="plivo"):
        StarletteTestClient(app).get("/calls/c1/cost")


async def test_litestar(example: Example, fake_plivo: FakePlivo, capfd: pytest.CaptureFixture[str]) -> None:
    app = example("litestar_service").app
    for _ in range(2):
        async with LitestarTestClient(app) as browser:

            async def get(path: str, browser: Any = browser) -> tuple[int, Any]:
                response = await browser.get(path)
                return response.status_code, response.json()

            await check(get, fake_plivo)
    response = await LitestarTestClient(app).get("/calls/c1/cost")
    assert response.status_code == 500, response.text
    assert "AttributeError" in capfd.readouterr().err


async def test_quart(example: Example, fake_plivo: FakePlivo, caplog: pytest.LogCaptureFixture) -> None:
    app = example("quart_service").app

    async def get(path: str) -> tuple[int, Any]:
        response = await app.test_client().get(path)
        return response.status_code, await response.get_json()

    for _ in range(2):
        async with app.test_app():
            await check(get, fake_plivo)
    assert (await app.test_client().get("/calls/c1/cost")).status_code == 500
    assert "KeyError: 'plivo'" in caplog.text


async def test_aiohttp(example: Example, fake_plivo: FakePlivo) -> None:
    module = example("aiohttp_service")
    for _ in range(2):
        async with AiohttpTestClient(AiohttpTestServer(module.make_app())) as browser:

            async def get(path: str, browser: Any = browser) -> tuple[int, Any]:
                async with browser.get(path) as response:
                    return response.status, await response.json()

            await check(get, fake_plivo)
    request = make_mocked_request("GET", "/", app=module.make_app(), match_info={"call_uuid": "c1"})
    with pytest.raises(KeyError, match="PLIVO"):
        await module.cost(request)


async def test_django(example: Example, fake_plivo: FakePlivo) -> None:
    module = example("django_service")
    for _ in range(2):
        async with module.lifespan():
            browser: Any = DjangoTestClient(headers={"host": "localhost"})

            async def get(path: str, browser: Any = browser) -> tuple[int, Any]:
                response = await browser.get(path)
                return response.status_code, response.json()

            await check(get, fake_plivo)
    with pytest.raises(ImproperlyConfigured, match="ASGI server with lifespan"):
        await DjangoTestClient(headers={"host": "localhost"}).get("/calls/c1/cost")


def test_django_under_wsgi_names_the_servers_that_it_needs(example: Example) -> None:
    example("django_service")
    with pytest.raises(ImproperlyConfigured, match="ASGI server with lifespan"):
        DjangoClientOfWSGI(headers={"host": "localhost"}).get("/calls/c1/cost")


async def test_the_lifespan_of_django_reports_missing_credentials(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = example("django_service").application
    monkeypatch.delenv("PLIVO_AUTH_ID")
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    await application({"type": "lifespan", "state": {}}, receive, send)

    [message] = sent
    assert message["type"] == "lifespan.startup.failed"
    assert "PLIVO_AUTH_ID" in message["message"]
