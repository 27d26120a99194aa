"""Sends a single request that holds as the requests of a batch do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from plivo_async.errors import PlivoError
from plivo_async.resources.item import Item
from plivo_async.resources.lane import BatchLane
from plivo_async.resources.sender import Sender
from plivo_async.resources.source import Source

_Result = TypeVar("_Result")


async def held(fetch: Callable[[BatchLane], Awaitable[_Result]], lane: BatchLane) -> _Result:
    """Send one request, again and again while the rate limit, a 429 or an outage stops all requests.

    Args:
        fetch: Sends the request in a lane.
        lane: The lane.

    Returns:
        The result of `fetch`.

    Raises:
        PatienceExceededError: Nothing could be sent for the patience of the lane.
        PlivoError: The request failed in another way.
    """
    results: list[_Result | PlivoError] = []
    changed = asyncio.Event()

    def deliver(_: Item, result: _Result | PlivoError) -> None:
        results.append(result)
        changed.set()

    sender: Sender[_Result] = Sender(fetch, Source([lane]), 1, lane, deliver=deliver, changed=changed.set)
    sender.start()
    try:
        while not sender.is_over:
            changed.clear()
            await changed.wait()
    finally:
        await sender.close()
    result = sender.failure or sender.stopped_by or results[0]
    if isinstance(result, BaseException):
        raise result
    return result
