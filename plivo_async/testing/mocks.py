"""A mock of AsyncClient, for tests that need no fake Plivo."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any
from unittest.mock import create_autospec

from plivo_async.client import AsyncClient
from plivo_async.errors import AuthenticationError, PlivoError
from plivo_async.exported import exported
from plivo_async.resources.batch import DEFAULT_CONCURRENCY, Batch
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS
from plivo_async.resources.lane import BatchLane


@exported
def mock_client() -> Any:
    """Return an autospec of AsyncClient, whose methods check their arguments and send nothing.

    Set what `calls.get`, `calls.wait` and the other coroutine functions return or raise. `calls.get_many`
    returns a real Batch, to iterate or to await, which calls the mocked `calls.get` once for each call UUID.
    An error of that is an outcome, after which the batch does not hold. `with_options`, `in_own_lane` and
    `async with` return the mock itself.
    """
    client = create_autospec(AsyncClient, instance=True)
    client.__aenter__.return_value = client
    client.with_options.return_value = client
    client.in_own_lane.return_value = client

    def get_many(
        call_uuids: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        patience: float | None = DEFAULT_PATIENCE_SECONDS,
        **options: Any,
    ) -> Batch:
        async def fetch(call_uuid: Any) -> Any:
            try:
                return await client.calls.get(call_uuid, **options)
            except AuthenticationError:
                raise
            except PlivoError as error:
                # Returned, not raised: an outage would make the batch hold, and the test wait.
                return error

        return Batch(fetch, call_uuids, concurrency, BatchLane(patience))

    client.calls.get_many.side_effect = get_many
    return client
