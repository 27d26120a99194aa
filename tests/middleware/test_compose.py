from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_async import CallNext, Middleware
from plivo_async.errors import ConfigurationError
from plivo_async.middleware import compose

URL = "https://api.plivo.com/"


def request() -> httpx.Request:
    return httpx.Request("GET", URL, extensions={"timeout": {"read": 1.0}, "x": "kept"})


def named(name: str, log: list[str]) -> Middleware:
    async def middleware(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        log.append(f"{name} asks")
        response = await call_next(request)
        log.append(f"{name} has {response.status_code}")
        return response

    return middleware


async def test_the_first_is_outermost() -> None:
    log: list[str] = []

    async def send(request: httpx.Request) -> httpx.Response:
        log.append("sent")
        return httpx.Response(204)

    await compose([named("a", log), named("b", log)], send)(request())
    assert log == ["a asks", "b asks", "sent", "b has 204", "a has 204"]


async def test_without_any_there_is_only_sending() -> None:
    async def send(request: httpx.Request) -> httpx.Response:
        return httpx.Response(204)

    assert compose(iter([]), send) is send


@pytest.mark.parametrize("layer", [None, 5, "retry", [], httpx.Response(200)])
def test_what_cannot_be_called_is_refused(layer: Any) -> None:
    async def send(request: httpx.Request) -> httpx.Response:
        return httpx.Response(204)

    with pytest.raises(ConfigurationError, match="middleware must be a list of callables, not "):
        compose([named("a", []), layer], send)


@pytest.mark.parametrize("layers", [None, 5, named("a", [])])
def test_one_alone_is_refused(layers: Any) -> None:
    async def send(request: httpx.Request) -> httpx.Response:
        return httpx.Response(204)

    with pytest.raises(ConfigurationError, match="middleware must be a list of callables, not "):
        compose(layers, send)


async def test_a_function_that_hands_on_an_awaitable_will_do() -> None:
    async def send(request: httpx.Request) -> httpx.Response:
        return httpx.Response(204)

    def hands_on(request: httpx.Request, call_next: CallNext) -> Any:
        return call_next(request)

    chain = compose([hands_on], send)
    assert (await chain(request())).status_code == 204


async def test_a_request_of_its_own_goes_on_with_the_extensions_of_the_first() -> None:
    sent: list[httpx.Request] = []

    async def send(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(204)

    async def changes(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        return await call_next(httpx.Request("GET", URL, extensions={"x": "changed", "y": "new"}))

    first = request()
    await compose([changes, named("b", [])], send)(first)
    assert sent[0] is not first
    assert sent[0].extensions == {"timeout": {"read": 1.0}, "x": "changed", "y": "new"}
    assert first.extensions == {"timeout": {"read": 1.0}, "x": "kept"}


async def test_an_exception_passes_outwards() -> None:
    async def send(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone")

    async def answers(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        try:
            return await call_next(request)
        except httpx.ReadError:
            return httpx.Response(299)

    assert (await compose([answers, named("b", [])], send)(request())).status_code == 299
