"""The middleware of this package under a plain `httpx.AsyncClient`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

import httpx
from attrs import evolve

from plivo_async.body import read_body
from plivo_async.context import RequestContext
from plivo_async.exported import exported
from plivo_async.middleware import Middleware, compose
from plivo_async.options import DEFAULT_DEADLINE, DEFAULT_MAX_BODY, Options
from plivo_async.validation import instance_of


@exported
class MiddlewareTransport(httpx.AsyncBaseTransport):
    """Runs every request of an httpx client through middleware, such as RetryMiddleware.

    The body of an answer is read inside the chain, up to `max_body` bytes, so that a fault in it is a
    failed attempt too. `deadline`, in seconds, bounds the whole; None for no bound.

    Raises: ConfigurationError when built. Requests raise what httpx raises, and of this package's errors
    DeadlineExceededError, ResponseTooLargeError, DecodeError for a body that cannot be decompressed, and what
    a middleware or a ConnectionPool underneath raises, such as ClientClosedError.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        middleware: Iterable[Middleware],
        *,
        deadline: float | None = DEFAULT_DEADLINE,
        max_body: int = DEFAULT_MAX_BODY,
    ) -> None:
        self._transport = instance_of("transport", transport, httpx.AsyncBaseTransport)
        self._options = Options(deadline=deadline, max_body=max_body)
        self._chain = compose(middleware, self._send)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through the chain."""
        # Under an AsyncClient, or a transport like this one, the request has a context already.
        outer = RequestContext.of(request)
        context = evolve(outer, max_body=self._options.max_body, attempts=0)
        if self._options.deadline is not None:
            ends = asyncio.get_running_loop().time() + self._options.deadline
            context.deadline = ends if outer.deadline is None else min(ends, outer.deadline)
        context.attach(request)
        scope = asyncio.timeout_at(context.deadline)
        began = time.perf_counter()
        try:
            async with scope:
                response = await self._chain(request)
                # httpx would take the time at the end of a stream, and there is none.
                response.elapsed = timedelta(seconds=time.perf_counter() - began)
                return response
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            outer.attach(request)
            outer.attempts += max(0, context.attempts - 1)
        error = context.deadline_error(f"no answer within the deadline, after {context.attempts} attempts")
        try:
            raise error from error.__cause__
        finally:
            # Or its traceback and this frame would keep each other, and the request.
            del error

    async def _send(self, request: httpx.Request) -> httpx.Response:
        context = RequestContext.of(request)
        context.attempts += 1
        if any(name in request.headers.get("accept-encoding", "") for name in ("br", "zstd")):
            # httpx asks for them where it has a library for them; the body is decompressed here.
            request.headers["accept-encoding"] = "gzip, deflate"
        response = await self._transport.handle_async_request(request)
        response.request = request
        return await read_body(response, context.max_body, context.attempts)

    async def aclose(self) -> None:
        """Close the transport underneath."""
        await self._transport.aclose()
