"""A borrowed `httpx2.AsyncClient`: requests, responses and exceptions are converted here, and only here.

Middleware and errors see the types of httpx, whatever sends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from types import AsyncGeneratorType
from typing import cast

import httpx2

from plivo_async._httpx import httpx
from plivo_async.context import CallState


def send_through(client: httpx2.AsyncClient) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    """Return a function that sends requests of httpx through a client of httpx2."""
    no_auth = httpx2.Auth()

    async def send(request: httpx.Request) -> httpx.Response:
        converted = httpx2.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=await request.aread() or None,
            extensions=CallState.foreign_extensions(request),
        )
        try:
            response = await client.send(converted, stream=True, auth=no_auth, follow_redirects=False)
        except httpx2.InvalidURL as failure:
            raise httpx.InvalidURL(str(failure)) from failure
        except httpx2.HTTPError as failure:
            raise _converted(failure, request) from failure
        return _response(response, request)

    return send


class _Body(httpx.AsyncByteStream):
    """The body of a response of httpx2, as it comes from the network."""

    def __init__(self, response: httpx2.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request
        self._chunks = aiter(cast(httpx2.AsyncByteStream, response.stream))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except httpx2.HTTPError as failure:
            raise _converted(failure, self._request) from failure

    async def aclose(self) -> None:
        chunks = self._chunks
        try:
            # Left to the garbage collector, an async generator would be closed in a task of its own.
            if isinstance(chunks, AsyncGeneratorType):
                await chunks.aclose()
        finally:
            await self._response.aclose()


def _response(response: httpx2.Response, request: httpx.Request) -> httpx.Response:
    if response.is_stream_consumed:
        # A hook of the client read it, and httpx2 decompressed it.
        headers = [pair for pair in response.headers.raw if pair[0].lower() != b"content-encoding"]
        return httpx.Response(
            response.status_code, headers=headers, content=response.content, request=request
        )
    return httpx.Response(
        response.status_code,
        headers=response.headers.raw,
        stream=_Body(response, request),
        request=request,
        extensions=response.extensions,
    )


def _converted(failure: httpx2.HTTPError, request: httpx.Request) -> httpx.HTTPError:
    """Build the exception of httpx that has the name of one of httpx2, or of its nearest base."""
    if isinstance(failure, httpx2.HTTPStatusError):
        response = _response(failure.response, request)
        return httpx.HTTPStatusError(str(failure), request=request, response=response)
    name = next(kind.__name__ for kind in type(failure).__mro__ if hasattr(httpx, kind.__name__))
    converted: httpx.HTTPError = getattr(httpx, name)(str(failure), request=request)
    return converted
