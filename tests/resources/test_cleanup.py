"""The wait for tasks to end, in virtual time."""

from __future__ import annotations

import asyncio

from plivo_async.resources.cleanup import outlast
from tests.virtual_time import in_virtual_time, virtual_loop


@in_virtual_time
async def test_without_a_cancellation_there_is_none_to_raise() -> None:
    ended = asyncio.create_task(asyncio.sleep(1.0))
    assert await outlast({ended}) is None
    assert ended.done()


@in_virtual_time
async def test_a_cancellation_does_not_end_the_wait_and_is_returned() -> None:
    slow = asyncio.create_task(asyncio.sleep(3.0))
    waiting = asyncio.create_task(outlast({slow}))
    await asyncio.sleep(1.0)
    waiting.cancel()
    assert isinstance(await waiting, asyncio.CancelledError)
    assert slow.done()
    assert not slow.cancelled()


@in_virtual_time
async def test_a_cancellation_after_five_seconds_is_passed_on() -> None:
    began = virtual_loop().time()
    endless = asyncio.create_task(asyncio.sleep(1e6))
    waiting = asyncio.create_task(outlast({endless}))
    await asyncio.sleep(5.1)
    waiting.cancel()
    assert isinstance(await waiting, asyncio.CancelledError)
    assert endless.cancelled()
    assert virtual_loop().time() - began < 6.0
