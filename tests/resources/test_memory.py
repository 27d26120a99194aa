from __future__ import annotations

import gc
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from plivo_async import Batch, CallDetailRecord

pytestmark = pytest.mark.usefixtures("unmeasured")
COUNT = 10_000
MEGABYTE = 1024 * 1024


async def fetch(call_uuid: str) -> CallDetailRecord:
    return CallDetailRecord(call_uuid=call_uuid)


def ids() -> Iterator[str]:
    return (f"call-{number}" for number in range(COUNT))


async def async_ids() -> AsyncIterator[str]:
    for number in range(COUNT):
        yield f"call-{number}"


@pytest.mark.parametrize("source", [ids, async_ids])
async def test_a_batch_of_many_calls_takes_the_memory_of_a_few(source: Any) -> None:
    taken = 0
    async with Batch(fetch, source(), 32) as batch:
        # What is made once is there after the first ones.
        async for _ in batch:
            taken += 1
            if taken == 1000:
                break
        gc.collect()
        tracemalloc.start()
        try:
            async for _ in batch:
                taken += 1
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert taken == COUNT
    assert peak < MEGABYTE
