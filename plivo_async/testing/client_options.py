"""The client of a fake Plivo, which calls it in process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import cattrs

from plivo_async._httpx import httpx
from plivo_async.client import AsyncClient
from plivo_async.events import Event
from plivo_async.exported import exported
from plivo_async.middleware import Middleware
from plivo_async.options import RequestOptions
from plivo_async.rate_limit import RateLimit, RateLimiter
from plivo_async.testing.instant_retry import InstantRetryPolicy
from plivo_async.tracing import Tracing

# A reserved name (RFC 6761): a request that leaves the process by mistake reaches no host.
_BASE_URL = "https://fake-plivo.invalid"


@exported
class ClientOptions(RequestOptions, total=False):
    """The options of `FakePlivo.client()`. They are those of AsyncClient; some have other defaults.

    Attributes:
        timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`. Default: 10,
            to connect 5.
        deadline: Seconds for a whole call; None for no deadline. Default: 60.
        retry: A RetryPolicy, or the number of attempts; None for one attempt. Default: an InstantRetryPolicy.
        max_body: Bytes that the body of a response may have, after decompression. Default: 4 MiB.
        middleware: Middleware around the retries. Default: none.
        attempt_middleware: Middleware around each attempt. Default: none.
        rate_limit: The limit of the client, or a RateLimiter. Default: None, no limit.
        converter: A converter from `make_converter()`. Default: one without further hooks.
        sleep: A coroutine function that waits for a number of seconds. Default: it moves the clock of the
            fake forward, and does not wait.
        on_event: A plain function that is called with each event. Default: None, no function.
        tracing: Surrounds each call and each request. Default: None, no tracing.
    """

    middleware: Iterable[Middleware]
    attempt_middleware: Iterable[Middleware]
    rate_limit: RateLimit | RateLimiter | None
    converter: cattrs.Converter | None
    sleep: Callable[[float], Awaitable[object]]
    on_event: Callable[[Event], object] | None
    tracing: Tracing | None


def client_of(
    app: Any, auth_id: str, auth_token: str, options: ClientOptions, advance: Callable[[float], None]
) -> AsyncClient:
    """Return a client that calls an ASGI app in process; it waits only if an option makes it.

    Args:
        app: The app.
        auth_id: The account.
        auth_token: Its token.
        options: The options of the client.
        advance: Moves the clock of the app forward by seconds, where the client would wait.
    """

    async def sleep(seconds: float) -> None:
        advance(seconds)
        await asyncio.sleep(0)

    options.setdefault("retry", InstantRetryPolicy())
    options.setdefault("rate_limit", None)
    options.setdefault("sleep", sleep)
    # Nobody closes this client, and nothing needs to: its transport calls a function.
    http_client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), trust_env=False)
    return AsyncClient(auth_id, auth_token, base_url=_BASE_URL, http_client=http_client, **options)
