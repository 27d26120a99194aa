"""An account with a rate limit, and clients of it, in the time of the event loop that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from attrs import define, field

from plivo_async import AsyncClient, RateLimit, RetryPolicy
from plivo_async.testing import FakePlivo, FakeRateLimit

KINDS = ("fixed", "sliding", "bucket")


def account(limit: FakeRateLimit | None = None, *, latency: float = 0.05, **options: Any) -> FakePlivo:
    """A fake whose latency and limit go by the loop's clock; Plivo's limit by default."""
    clock = asyncio.get_running_loop().time
    return FakePlivo(
        rate_limit=limit or FakeRateLimit(), latency=latency, clock=clock, sleep=asyncio.sleep, **options
    )


@define
class Foreign:
    """Somebody else who uses the account: `rate` requests a second, never waiting for an answer."""

    fake: FakePlivo
    rate: float
    statuses: list[int] = field(factory=list[int])

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[Foreign, None]:
        transport = httpx.ASGITransport(app=self.fake)
        auth = (self.fake.auth_id, self.fake.auth_token)
        async with httpx.AsyncClient(transport=transport, auth=auth) as client:
            working = asyncio.create_task(self._work(client))
            try:
                yield self
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)

    async def _work(self, client: httpx.AsyncClient) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(1 / self.rate)
                group.create_task(self._ask(client))

    async def _ask(self, client: httpx.AsyncClient) -> None:
        url = f"https://fake-plivo.invalid/v1/Account/{self.fake.auth_id}/Call/{self.fake.call_uuids[0]}/"
        self.statuses.append((await client.get(url)).status_code)

    @property
    def share(self) -> float:
        """The part of its requests that passed."""
        return self.statuses.count(200) / len(self.statuses)


def client_of(fake: FakePlivo, **options: Any) -> AsyncClient:
    """A client with the options that an AsyncClient has by default; the fake's own has others."""
    options = {"rate_limit": RateLimit(), "retry": RetryPolicy(), "sleep": asyncio.sleep, **options}
    return fake.client(**options)
