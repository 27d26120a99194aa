# lambda_function.py
"""An AWS Lambda function that returns the records of some calls. The handler is `lambda_function.handler`.

The event is `{"call_uuids": [...]}`, for example from a Map state of Step Functions, which calls the function
again with the call UUIDs in `later`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol, TypedDict

from plivo_async import AsyncClient, Failed, Fetched, RateLimit

# An execution environment runs this module once, and then one invocation at a time. So the event loop and the
# client are built once, and the next invocation finds the connections of the last one.
runner = asyncio.Runner()
# The limit divided by the reserved concurrency of the function, which is 10 here: an execution environment
# does not see the requests of another one.
client = AsyncClient(rate_limit=RateLimit(requests=30, per=5.0))
# The end of each invocation, in which it returns the records that it has.
RESERVE_SECONDS = 2.0


class Event(TypedDict):
    """The argument of the function."""

    call_uuids: list[str]


class Context(Protocol):
    """The part of Lambda's context that is used."""

    def get_remaining_time_in_millis(self) -> int: ...


class Result(TypedDict):
    """The result of the function."""

    records: list[dict[str, Any]]
    later: list[str]
    errors: dict[str, str]


def handler(event: Event, context: Context) -> Result:
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    return runner.run(fetch(event["call_uuids"], seconds))


async def fetch(call_uuids: list[str], seconds: float) -> Result:
    result: Result = {"records": [], "later": [], "errors": {}}
    left = set(call_uuids)
    try:
        async with asyncio.timeout(seconds), client.calls.get_many(call_uuids, patience=seconds) as batch:
            async for outcome in batch:
                match outcome:
                    case Fetched(call_uuid, record):
                        left.discard(str(call_uuid))
                        result["records"].append(json.loads(record.to_json()))
                    case Failed(call_uuid, error) if not error.retryable:
                        left.discard(str(call_uuid))
                        result["errors"][str(call_uuid)] = f"{type(error).__name__}: {error}"
                    case Failed():
                        pass
    except TimeoutError:
        # The time of the invocation is over, or Plivo is down for longer. Other errors end the invocation.
        pass
    result["later"] = sorted(left)
    return result
