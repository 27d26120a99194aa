# test_with_pytest_httpx.py
"""A response of HTTP in place of Plivo: pip install pytest pytest-asyncio pytest-httpx."""

import pytest
from pytest_httpx import HTTPXMock

from plivo_async import AsyncClient


@pytest.mark.asyncio
async def test_the_duration_in_a_response(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"call_uuid": "c1", "billed_duration": 60, "total_amount": "0.00550"})

    async with AsyncClient("MA123", "token") as client:
        record = await client.calls.get("c1")

    assert record.billed_duration == 60
