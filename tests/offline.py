"""A client whose server is a respx route: for logic, where no socket could make a difference."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import respx

from plivo_async import AsyncClient, ConnectionPool, RetryPolicy

AUTH_ID = "MAXXXXXXXXXXXXXXXXXX"
TOKEN = "tok3n-that-nobody-may-see"
BASIC = "TUFYWFhYWFhYWFhYWFhYWFhYWFg6dG9rM24tdGhhdC1ub2JvZHktbWF5LXNlZQ=="
CALL_UUID = "5607532d-5037-4066-befc-a8b40218dd4f"
URL = f"https://api.plivo.com/v1/Account/{AUTH_ID}/Call/{CALL_UUID}/"
FIXTURES = Path(__file__).with_name("fixtures")
RECORD = FIXTURES.joinpath("call_documented.json").read_bytes()
# Gaps too short to measure.
SOON = RetryPolicy(backoff_base=1e-9)

Answer = httpx.Response | httpx.HTTPError | Callable[[httpx.Request], Any]


@asynccontextmanager
async def asking(
    *answers: Answer, hooks: dict[str, list[Any]] | None = None, **options: Any
) -> AsyncGenerator[tuple[AsyncClient, respx.Route], None]:
    """A client, and the route that its requests meet: it gives these answers, the last one for ever."""
    router = respx.MockRouter(assert_all_called=False)
    route = router.route(host__in=["api.plivo.com", "127.0.0.1", "localhost", "::1"])

    def answer(request: httpx.Request, route: respx.Route) -> Any:
        chosen = answers[min(route.call_count, len(answers) - 1)]
        if isinstance(chosen, httpx.HTTPError):
            raise chosen
        return chosen(request) if callable(chosen) else chosen

    route.mock(side_effect=answer)
    transport = httpx.MockTransport(router.async_handler)
    async with httpx.AsyncClient(transport=transport, event_hooks=hooks) as http_client:
        # Without a rate limit, which would answer a 429 with waits of its own.
        defaults: dict[str, Any] = {"http_client": http_client, "retry": SOON, "rate_limit": None}
        yield AsyncClient(AUTH_ID, TOKEN, **{**defaults, **options}), route


def ok() -> httpx.Response:
    """The documented record."""
    return httpx.Response(200, content=RECORD)


def down(**headers: str) -> httpx.Response:
    """A failure that may be over the next time."""
    return httpx.Response(503, headers=headers, json={"error": "down", "api_id": "a1"})


def requests_to(route: respx.Route) -> list[httpx.Request]:
    """Return the requests that a route has received."""
    calls: Any = route.calls
    return [call.request for call in calls]


def wrapped(client: AsyncClient) -> httpx.AsyncClient:
    """Return the client of httpx that a client wraps or has borrowed."""
    http_client = client._core.sender.http_client
    assert isinstance(http_client, httpx.AsyncClient)
    return http_client


def pool_of(client: AsyncClient) -> ConnectionPool:
    """Return the client's own pool."""
    pool = client._core.sender.pool
    assert pool is not None
    return pool
