"""Asks a fake in process with plain httpx, where a test must see the answer itself."""

from __future__ import annotations

from base64 import b64encode

import httpx

from plivo_async.testing import FakePlivo


def basic(credentials: str) -> str:
    return f"Basic {b64encode(credentials.encode()).decode()}"


def http_client(fake: FakePlivo) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=fake), trust_env=False)


async def ask(
    fake: FakePlivo,
    path: str | None = None,
    *,
    method: str = "GET",
    call_uuid: str | None = None,
    headers: dict[str, bytes] | None = None,
) -> httpx.Response:
    """One request: by default for the first record, and with the right credentials."""
    if path is None:
        path = f"/v1/Account/{fake.auth_id}/Call/{call_uuid or fake.call_uuids[0]}/"
    if headers is None:
        headers = {"Authorization": basic(f"{fake.auth_id}:{fake.auth_token}").encode()}
    async with http_client(fake) as client:
        return await client.request(method, f"http://fake.invalid{path}", headers=headers)  # type: ignore[arg-type]
