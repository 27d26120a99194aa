"""What the pages claim and no example shows."""

from __future__ import annotations

from itertools import repeat

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    ConnectionPool,
    Middleware,
    MiddlewareTransport,
    PlivoError,
    RateLimit,
    RateLimitMiddleware,
    RetryMiddleware,
    SlidingWindowLimiter,
)
from plivo_async.testing import FakePlivo, InstantRetryPolicy, StubResponse


async def ask_through(fake: FakePlivo, url: str, *layers: Middleware) -> int:
    """Ask for a record through a MiddlewareTransport under the client; return its attempts."""
    transport = MiddlewareTransport(ConnectionPool(), layers, deadline=None)
    async with httpx.AsyncClient(transport=transport) as http_client:
        client = AsyncClient(
            fake.auth_id,
            fake.auth_token,
            base_url=url,
            retry=InstantRetryPolicy(),
            http_client=http_client,
        )
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(fake.call_uuids[0])
    return caught.value.attempts


class TestAMiddlewareTransportUnderAClient:
    async def test_attempts_are_counted(self, fake_plivo: FakePlivo, fake_plivo_url: str) -> None:
        fake_plivo.script(repeat(503))

        assert await ask_through(fake_plivo, fake_plivo_url) == 3
        assert len(fake_plivo.requests) == 3

    async def test_of_two_retries_only_the_outer_one_repeats(
        self, fake_plivo: FakePlivo, fake_plivo_url: str
    ) -> None:
        fake_plivo.script(repeat(503))

        assert (
            await ask_through(fake_plivo, fake_plivo_url, RetryMiddleware(InstantRetryPolicy(max_attempts=5)))
            == 3
        )
        assert len(fake_plivo.requests) == 3

    async def test_what_is_sent_again_after_a_429_is_counted_too(
        self, fake_plivo: FakePlivo, fake_plivo_url: str
    ) -> None:
        fake_plivo.script([StubResponse(429, headers={"Retry-After": "0"}), 404])
        pacing = RateLimitMiddleware(SlidingWindowLimiter(RateLimit(1000, 0.001)))

        assert await ask_through(fake_plivo, fake_plivo_url, pacing) == 2
        assert len(fake_plivo.requests) == 2
