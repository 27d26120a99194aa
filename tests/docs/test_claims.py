"""What the pages claim and no example shows."""

from __future__ import annotations

from itertools import repeat

import httpx
import pytest

from plivo_async import AsyncClient, ConnectionPool, MiddlewareTransport, ServerError
from plivo_async.testing import FakePlivo, InstantRetryPolicy


async def test_attempts_are_counted_where_a_middleware_transport_is_underneath(
    fake_plivo: FakePlivo, fake_plivo_url: str
) -> None:
    fake_plivo.script(repeat(503))
    transport = MiddlewareTransport(ConnectionPool(), [], deadline=None)
    async with httpx.AsyncClient(transport=transport) as http_client:
        client = AsyncClient(
            fake_plivo.auth_id,
            fake_plivo.auth_token,
            base_url=fake_plivo_url,
            retry=InstantRetryPolicy(),
            http_client=http_client,
        )
        with pytest.raises(ServerError) as caught:
            await client.calls.get(fake_plivo.call_uuids[0])

    assert len(fake_plivo.requests) == 3
    assert caught.value.attempts == 3
