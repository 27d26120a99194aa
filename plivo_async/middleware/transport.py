"""The middleware of this package under a plain `httpx.AsyncClient`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

from attrs import evolve

from plivo_async._httpx import httpx
from plivo_async.body import read_body
from plivo_async.context import CallLimits, CallState
from plivo_async.deadline import within_deadline
from plivo_async.exported import exported
from plivo_async.middleware import Middleware, compose
from plivo_async.options import DEFAULT_DEADLINE_SECONDS, DEFAULT_MAX_BODY_BYTES, Options
from plivo_async.validation import instance_of


@exported
class MiddlewareTransport(httpx.AsyncBaseTransport):
    """A transport for httpx that sends every request through middleware, for example RetryMiddleware.

    The body of a response is read inside the chain, so that a fault in it is a failed attempt too.

    Args:
        transport: Sends the requests, for example a `ConnectionPool`.
        middleware: The middleware. The first one is outermost.
        deadline: Seconds for a whole request, with its retries and the body; None for no deadline. If the
            client has a deadline too, the earlier one counts.
        max_body: Bytes that the body of a response may have, after decompression; at least 1.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        middleware: Iterable[Middleware],
        *,
        deadline: float | None = DEFAULT_DEADLINE_SECONDS,
        max_body: int = DEFAULT_MAX_BODY_BYTES,
    ) -> None:
        self._transport = instance_of("transport", transport, httpx.AsyncBaseTransport)
        self._options = Options(deadline=deadline, max_body=max_body)
        self._chain = compose(middleware, self._send)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through the chain.

        Args:
            request: The request to send.

        Returns:
            A response whose body is read.

        Raises:
            DeadlineExceededError: The request took longer than `deadline`.
            ResponseTooLargeError: The body is larger than `max_body`.
            DecodeError: The body cannot be decompressed.
            httpx.TransportError: The request failed, as in any transport.
            PlivoError: The middleware or the ConnectionPool raised it.
        """
        outer = CallState.find(request)
        state = CallState.attached_to(request)
        asked = state.limits
        state.limits = self._limits(asked)
        began = time.perf_counter()
        try:
            scope = asyncio.timeout_at(state.limits.deadline)
            response = await within_deadline(self._chain, request, scope)
        finally:
            state.limits = asked
            if outer is None:
                CallState.detach(request)
        # httpx would measure it at the end of a stream, and there is none.
        response.elapsed = timedelta(seconds=time.perf_counter() - began)
        return response

    def _limits(self, asked: CallLimits) -> CallLimits:
        deadlines = [] if asked.deadline is None else [asked.deadline]
        if self._options.deadline is not None:
            deadlines.append(asyncio.get_running_loop().time() + self._options.deadline)
        return evolve(asked, deadline=min(deadlines, default=None), max_body=self._options.max_body)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        state = CallState.attached_to(request)
        state.count_attempt()
        if any(name in request.headers.get("accept-encoding", "") for name in ("br", "zstd")):
            # httpx asks for them where it has a library for them; the body is decompressed here.
            request.headers["accept-encoding"] = "gzip, deflate"
        # Another transport of this kind may be underneath: the attempt is counted once.
        state.is_counted = True
        try:
            response = await self._transport.handle_async_request(request)
        finally:
            state.is_counted = False
        response.request = request
        return await read_body(response, state.limits.max_body, state.attempts)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._transport.aclose()
