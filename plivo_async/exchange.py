"""Exchange: sends one request of a call, and reads its response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from plivo_async._httpx import httpx
from plivo_async.body import read_body
from plivo_async.context import CallState
from plivo_async.error_mapping import kept_headers
from plivo_async.errors import ClientClosedError, DecodeError, InvalidResponseError, RedirectError
from plivo_async.lifetime import Lifetime
from plivo_async.middleware.pause import Pause
from plivo_async.redactor import Redactor
from plivo_async.retry_after import retry_after_seconds
from plivo_async.server_message import server_message
from plivo_async.text import printable
from plivo_async.transport.request_extensions import UNFINISHED_STEP, UNSENT

# Raised before a byte of the request is written.
_NEVER_SENT = (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.PoolTimeout)


class Exchange:
    """Sends each request once, without the client's secrets in what comes back.

    Args:
        lifetime: Has the session of a request that middleware made, without the state of its call.
        redactor: Blanks the client's secrets.
        pause: Knows which 429 begins a pause; None where a limiter knows it.
    """

    def __init__(self, lifetime: Lifetime, redactor: Redactor, pause: Pause | None) -> None:
        self._lifetime = lifetime
        self._redactor = redactor
        self._pause = pause

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return its response with the body read.

        Raises:
            httpx.HTTPError: It failed on the wire.
            InvalidResponseError: The body cannot be used.
            RedirectError: The location of a redirect is not a URL.
            ClientClosedError: The client is closed.
        """
        state = CallState.attached_to(request)
        session = state.session or self._lifetime.session
        sender = session.sender
        if session.closed or sender.http_client.is_closed:
            raise ClientClosedError(
                "the client, or the http_client it was given, is closed",
                attempts=state.attempts,
                during_call=session.closed,
            )
        state.attempts += 1
        notes, pool = state.notes, sender.pool
        if pool is None or pool.has_room:
            notes.attempt_began(state.attempts)
        else:
            notes.attempt_queued(state.attempts)
        # A MiddlewareTransport may be underneath: the attempt is counted once.
        state.is_counted = True
        response: httpx.Response | None = None
        try:
            try:
                response = await sender.send(request)
                response.request = request
                response = await read_body(response, state.limits.max_body, state.attempts)
                return self._read(response, state)
            except httpx.HTTPError as failure:
                if response is None and isinstance(failure, _NEVER_SENT):
                    state.attempts -= 1
                name_request(failure, request)
                self._redactor.failure(failure)
                raise
            except asyncio.CancelledError:
                state.attempts -= request.extensions.pop(UNSENT, False)
                state.unfinished_step = request.extensions.pop(UNFINISHED_STEP, "")
                raise
            except InvalidResponseError as error:
                if response is not None:
                    self._blank(error, response, state.attempts)
                raise
            except httpx.InvalidURL:
                # httpx parses the location of a redirect even if it is not to follow it.
                raise RedirectError(
                    "redirects are not followed: the location is not a URL", attempts=state.attempts
                ) from None
            finally:
                state.is_counted = False
        except BaseException as failure:
            notes.attempt_failed(failure)
            raise

    def _read(self, response: httpx.Response, state: CallState) -> httpx.Response:
        """Read the value in the body of a response, and note what it is."""
        notes, decode = state.notes, state.limits.decode
        status, content = response.status_code, response.content
        if decode is not None and status == 200:
            try:
                state.decoded = content, self._value(content, decode)
            except DecodeError as error:
                notes.responded(200, len(content), damaged=error.is_damaged)
                raise
        elif not 200 <= status < 300:
            response = self._redactor.response(response)
        api_id = self._api_id(content, state) if notes.is_watched else None
        notes.responded(status, len(content), api_id)
        if status == 429 and self._pause is not None:
            retry_after = retry_after_seconds(response.headers)
            seconds = self._pause.begun(retry_after, asyncio.get_running_loop().time())
            if seconds is not None:
                notes.throttled(seconds, retry_after)
        return response

    def _value(self, content: bytes, decode: Callable[[bytes], Any]) -> Any:
        try:
            return decode(content)
        except DecodeError:
            # The error quotes the body.
            clean = self._redactor.body(content)
            if clean == content:
                raise
        return decode(clean)

    def _blank(self, error: InvalidResponseError, response: httpx.Response, attempts: int) -> None:
        """Blank the secrets in an error, and in the frames that a traceback may show of it."""
        error.status, error.attempts = response.status_code, attempts
        error.headers = kept_headers(response.headers)
        self._redactor.error(error)
        # Of the frames, those that read the body have it.
        error.__traceback__ = None
        self._redactor.response(response)

    def _api_id(self, content: bytes, state: CallState) -> str | None:
        """Return Plivo's identifier of a request that was answered."""
        if state.decoded is not None and state.decoded[0] is content:
            value: Any = state.decoded[1]
            # The JSON of one record, or a page of a list.
            if isinstance(value, dict):
                found = cast("dict[str, Any]", value).get("api_id")
            else:
                found = getattr(value, "api_id", None)
        else:
            found = server_message(content)[1]
        return None if not isinstance(found, str) else self._redactor.text(printable(found))


def name_request(failure: httpx.HTTPError, request: httpx.Request) -> None:
    """Set the request of a failure, where a mock or middleware set none: its host is in the error."""
    try:
        _ = failure.request
    except RuntimeError:
        failure.request = request
