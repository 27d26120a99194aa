"""Clients for the tests of this folder."""

from __future__ import annotations

from typing import Any

from plivo_async import AsyncClient
from tests.offline import AUTH_ID, CALL_UUID, SOON, TOKEN

ACCOUNT = f"https://api.plivo.com/v1/Account/{AUTH_ID}/"
CALL_UUIDS = [f"5607532d-5037-4066-befc-{number:012d}" for number in range(20)]
EMPTY_PAGE = {
    "api_id": "a",
    "meta": {"limit": 20, "offset": 0, "next": None, "previous": None},
    "objects": [],
}


def client_of(url: str | None = None, **options: Any) -> AsyncClient:
    """A client that repeats at once; of Plivo itself without a URL."""
    defaults: dict[str, Any] = {"retry": SOON, "rate_limit": None}
    return AsyncClient(AUTH_ID, TOKEN, base_url=url, **{**defaults, **options})


async def get(client: AsyncClient) -> object:
    """Ask for one call."""
    return await client.calls.get(CALL_UUID)


async def get_many(client: AsyncClient) -> object:
    """Ask for a batch."""
    return await client.calls.get_many(CALL_UUIDS)


async def list_calls(client: AsyncClient) -> object:
    """Ask for a list."""
    return [call async for call in client.calls.list()]


USES = (get, get_many, list_calls)
