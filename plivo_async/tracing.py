"""Tracing: the protocol of an object that surrounds each call and each request with a span."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from plivo_async._httpx import httpx
from plivo_async.context import CallInfo
from plivo_async.exported import exported
from plivo_async.middleware import CallNext

T = TypeVar("T")


@exported
class Tracing(Protocol):
    """Surrounds each call, and each request that is sent for it, for example with spans of OpenTelemetry.

    Both methods run in the task of the call. They have to let every exception pass, `CancelledError` too.
    """

    async def call(self, info: CallInfo, call_next: Callable[[], Awaitable[T]], /) -> T:
        """Surround a whole call: its middleware, attempts and waits.

        `calls.wait` is a call around those of its requests, each of which is a `calls.get`.

        Args:
            info: The call before its first request.
            call_next: Runs the call. Await it once. It raises the error that the caller gets.

        Returns:
            The result of `call_next`, unchanged.
        """
        ...

    async def request(self, request: httpx.Request, call_next: CallNext, /) -> httpx.Response:
        """Surround one request, from the wait for a connection to the end of the body. It has its permit.

        Args:
            request: The request. You may add headers, such as `traceparent`. `CallInfo.of(request)` has the
                route, the wait for the permit, and in `attempts` the number of earlier requests of this call.
            call_next: Sends the request, and reads the body of the response. It raises exceptions of httpx,
                and `InvalidResponseError` for a body that cannot be used.

        Returns:
            The response, unchanged.
        """
        ...
