"""A mock of AsyncClient, for tests that need no fake Plivo."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Iterable
from functools import lru_cache
from types import FunctionType
from typing import Any, get_args
from unittest.mock import create_autospec

from plivo_async.client import AsyncClient
from plivo_async.errors import AuthenticationError, PlivoError
from plivo_async.exported import exported
from plivo_async.resources.batch import DEFAULT_CONCURRENCY, Batch
from plivo_async.resources.calls import CallsResource
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS
from plivo_async.resources.instance_attribute import instance_attribute
from plivo_async.resources.lane import BatchLane
from plivo_async.resources.recordings import RecordingsResource
from plivo_async.resources.trunk_calls import TrunkCallsResource


@exported
def mock_client() -> Any:
    """Return an autospec of AsyncClient, whose methods check their arguments and options, and send nothing.

    Set the result or the error of `calls.get`, `calls.wait` and the other coroutine functions.
    `calls.get_many` returns a real Batch, which calls the mocked `calls.get` once for each call UUID. An
    error of it is an outcome, and the batch never holds. `with_options`, `in_own_lane` and `async with`
    return the mock itself.

    Returns:
        The mock, a `unittest.mock.NonCallableMagicMock`.
    """
    client = create_autospec(_specification(), instance=True)
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


@lru_cache(maxsize=1)
def _specification() -> type[AsyncClient]:
    resources = {
        name: instance_attribute(_naming_options(kind))
        for name, kind in (
            ("calls", CallsResource),
            ("trunk_calls", TrunkCallsResource),
            ("recordings", RecordingsResource),
        )
    }
    return _naming_options(AsyncClient, **resources)


def _naming_options(kind: type[Any], **members: Any) -> type[Any]:
    """Return a subclass whose methods have a parameter for each of their options.

    An autospec accepts every name for a method that has `**options`.
    """
    for name, method in vars(kind).items():
        if not isinstance(method, FunctionType):
            continue
        signature = inspect.signature(method, eval_str=True)
        *named, last = signature.parameters.values()
        if last.kind is inspect.Parameter.VAR_KEYWORD:
            [options] = get_args(last.annotation)
            named += [
                inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=None)
                for option in options.__annotations__
            ]
            copy = FunctionType(method.__code__, method.__globals__, name)
            vars(copy)["__signature__"] = signature.replace(parameters=named)
            members[name] = copy
    return type(kind.__name__, (kind,), members)
