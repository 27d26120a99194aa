# shared_limit.py
"""Fetch the records of calls in one of many processes that share the rate limit of the account.

xargs -a ids.txt -n 500 -P 4 python shared_limit.py
"""

from __future__ import annotations

import asyncio
import os
import sys

from plivo_async import AsyncClient, Failed
from plivo_async.redis import RedisLimiter

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")


async def main(call_uuids: list[str]) -> int:
    """Print a line for each record; return the number of calls that failed."""
    failed = 0
    limiter = RedisLimiter(REDIS_URL)
    async with AsyncClient(rate_limit=limiter) as client, client.calls.get_many(call_uuids) as batch:
        async for outcome in batch:
            if isinstance(outcome, Failed):
                failed += 1
                print(outcome.call_uuid, outcome.error, file=sys.stderr)
            else:
                record = outcome.record
                print(record.call_uuid, record.billed_duration, record.total_amount)
    return failed


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(sys.argv[1:])) else 0)
