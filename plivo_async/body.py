"""Reads the whole body of a response, up to a limit."""

from __future__ import annotations

from types import AsyncGeneratorType
from typing import cast

from plivo_async._httpx import httpx
from plivo_async.error_mapping import kept_headers
from plivo_async.errors import DecodeError, ResponseTooLargeError
from plivo_async.inflate import CODINGS, Inflater
from plivo_async.text import printable
from plivo_async.transport import ResponseBody

# httpx has no public way to fill in a body that costs little. Its private one is used only where it has it.
_CONTENT = "_content"
_CAN_FILL_IN = vars(httpx.Response(200, content=b"probe")).get(_CONTENT) == b"probe"
# A longer list is no use to an honest server.
_MAX_CODINGS = 4


async def read_body(response: httpx.Response, limit: int, attempts: int = 0) -> httpx.Response:
    """Return the response with its body read and decompressed, and give its connection back.

    Args:
        response: As it comes from the transport.
        limit: Bytes that the body may have, after decompression.
        attempts: How many requests were sent, for an error.

    Raises:
        ResponseTooLargeError: The body is larger than `limit`.
        DecodeError: A 2xx response whose body cannot be decompressed.
        httpx.TransportError: The connection failed.
    """
    content = _take(response, limit)
    if content is not None:
        return _with_content(response, content)
    try:
        if response.is_stream_consumed:
            # An event hook of the user's http_client read it, and httpx decompressed it.
            content = response.content
            if len(content) > limit:
                raise _too_large(response, attempts, f"the body is longer than max_body={limit} bytes")
        else:
            content = await _read(response, limit, attempts)
    except DecodeError:
        # For an error status the body is not needed.
        if response.is_success:
            raise
        content = b""
    finally:
        await response.aclose()
    headers = response.headers
    if "content-encoding" in headers:
        headers = httpx.Headers([pair for pair in headers.raw if pair[0].lower() != b"content-encoding"])
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=content,
        request=response.request,
        extensions=response.extensions,
    )


def _take(response: httpx.Response, limit: int) -> bytes | None:
    """Return a body that is here in whole and not encoded; None for `_read` to read it."""
    stream = response.stream
    if not isinstance(stream, ResponseBody) or response.is_stream_consumed:
        return None
    # To look one up by its name, httpx decodes them all.
    for name, _ in response.headers.raw:
        if name.lower() == b"content-encoding":
            return None
    return stream.take(limit)


def _with_content(response: httpx.Response, content: bytes) -> httpx.Response:
    """Fill in the body of a response, as if httpx had read it."""
    response.stream = httpx.ByteStream(content)
    if _CAN_FILL_IN:
        vars(response)[_CONTENT] = content
        response.is_closed = response.is_stream_consumed = True
    else:
        response.read()
    return response


async def _read(response: httpx.Response, limit: int, attempts: int) -> bytes:
    declared = response.headers.get("content-length", "")
    # The response to HEAD declares the length of the body that GET would have.
    if declared.isdecimal() and int(declared[:20]) > limit and response.request.method != "HEAD":
        raise _too_large(
            response, attempts, f"the response declares {declared[:20]} bytes, more than max_body={limit}"
        )
    encoding = response.headers.get("content-encoding", "").strip().lower()
    codings = [coding for part in encoding.split(",") if (coding := part.strip()) not in ("", "identity")]
    if len(codings) > _MAX_CODINGS or not CODINGS.issuperset(codings):
        raise _undecodable(response, f"content-encoding {printable(encoding)!r} was not asked for", attempts)
    inflater = Inflater(codings, limit) if codings else None
    content = bytearray() if inflater is None else inflater.content
    received = 0
    chunks = aiter(cast(httpx.AsyncByteStream, response.stream))
    try:
        async for chunk in chunks:
            received += len(chunk)
            if inflater is None:
                content += chunk
            else:
                inflater.feed(chunk)
            if (received if inflater is None else max(received, inflater.size)) > limit:
                raise _too_large(response, attempts, f"the body is longer than max_body={limit} bytes")
            if inflater is not None and inflater.failure:
                break
    finally:
        # Left to the garbage collector, an async generator would be closed in a task of its own.
        if isinstance(chunks, AsyncGeneratorType):
            await chunks.aclose()
    if inflater is not None and not inflater.is_complete:
        reason = inflater.failure or "it is cut short"
        raise _undecodable(
            response, f"the {encoding} body cannot be decompressed: {reason}", attempts, is_damaged=True
        )
    return bytes(content)


def _too_large(response: httpx.Response, attempts: int, fact: str) -> ResponseTooLargeError:
    return ResponseTooLargeError(
        f"HTTP {response.status_code}: {fact}",
        status=response.status_code,
        attempts=attempts,
        headers=kept_headers(response.headers),
    )


def _undecodable(
    response: httpx.Response, reason: str, attempts: int, *, is_damaged: bool = False
) -> DecodeError:
    return DecodeError(
        f"HTTP {response.status_code}: {reason}",
        status=response.status_code,
        attempts=attempts,
        headers=kept_headers(response.headers),
        is_damaged=is_damaged,
    )
