"""plivo_async with its defaults."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from plivo_async import AsyncClient, PlivoError


async def run(url: str, auth_id: str, token: str, action: str, *arguments: str) -> dict[str, Any]:
    """Do what the arguments ask for."""
    result: dict[str, Any] = {"records": 0, "ids": [], "errors": [], "amount": None}
    started = time.perf_counter()
    async with AsyncClient(auth_id, token, base_url=url) as client:
        if action == "list":
            calls = client.calls.list()
            result["ids"] = [outcome.call_uuid async for outcome in calls]
            result["records"] = len(result["ids"])
        else:
            count, *ids = arguments
            for number in range(int(count)):
                try:
                    record = await client.calls.get(ids[number % len(ids)])
                except PlivoError as error:
                    result["errors"].append(type(error).__name__)
                else:
                    result["records"] += 1
                    result["amount"] = repr(record.total_amount)
    return result | {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(run(*sys.argv[1:]))) + "\n")
