"""Requester: the one way in which every resource sends a request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from attrs import field, frozen

from plivo_async._httpx import httpx
from plivo_async.account_url import AccountURL
from plivo_async.body import read_body
from plivo_async.client_notes import COUNTS, ClientNotes
from plivo_async.context import CallInfo, CallLimits, CallState
from plivo_async.deadline import within_deadline
from plivo_async.error_mapping import kept_headers, status_error, transport_error
from plivo_async.errors import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    DecodeError,
    InvalidResponseError,
    LimiterUnavailableError,
    PlivoError,
    RedirectError,
)
from plivo_async.lifetime import Lifetime, Session
from plivo_async.middleware import Middleware, compose
from plivo_async.middleware.pause import Pause
from plivo_async.middleware.rate_limiting import RateLimitMiddleware
from plivo_async.middleware.retry import RetryMiddleware
from plivo_async.notes import CallNotes
from plivo_async.options import Options
from plivo_async.rate_limit import RateLimiter
from plivo_async.redactor import Redactor
from plivo_async.retry_after import retry_after_seconds
from plivo_async.route import route_of
from plivo_async.server_message import server_message
from plivo_async.stats import ClientStats
from plivo_async.text import printable, short_repr
from plivo_async.tracing import Tracing
from plivo_async.transport.request_extensions import UNFINISHED_STEP, UNSENT

Result = TypeVar("Result")

_PATH = re.compile(r"(?!\.\.?(?:/|\Z))[A-Za-z0-9._~-]+(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._~-]+)*/?")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Raised before a byte of the request is written.
_NEVER_SENT = (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.PoolTimeout)
_NO_BODY = httpx.ByteStream(b"")


@frozen
class Reply:
    """A response with a 2xx status, its body read.

    Attributes:
        response: The response.
        attempts: How many requests it took.
        redactor: Blanks the client's secrets.
        decoded: The body that was read within the attempt, and the value in it.
    """

    response: httpx.Response
    attempts: int
    redactor: Redactor
    decoded: tuple[bytes, Any] | None = field(default=None, repr=False)

    def value(self, decode: Callable[[bytes], Any]) -> Any:
        """Return the value in the body, read again only where middleware has replaced the body."""
        content = self.response.content
        if self.decoded is not None and self.decoded[0] is content:
            return self.decoded[1]
        return decode(content)


class Requester:
    """Sends the requests of one account through the middleware, each within its deadline.

    A client and its views share one.

    Args:
        url: The URLs of the account.
        headers: Of every request.
        middleware: Around the retries, the first one outermost.
        attempt_middleware: Around each attempt, inside the retries, outside the rate limit.
        limiter: Gives the permits; None for no rate limit.
        lifetime: Where the client may be used, and what sends one request.
        redactor: Blanks the client's secrets in what a server sends.
        sleep: Waits between attempts.
        notes: Notes what happens.
        tracing: Surrounds each call and each request; None for no traces.

    Raises:
        ConfigurationError: Middleware that cannot be called.
    """

    def __init__(
        self,
        *,
        url: AccountURL,
        headers: httpx.Headers,
        middleware: Iterable[Middleware],
        attempt_middleware: Iterable[Middleware],
        limiter: RateLimiter | None,
        lifetime: Lifetime,
        redactor: Redactor,
        sleep: Callable[[float], Awaitable[object]],
        notes: ClientNotes,
        tracing: Tracing | None = None,
    ) -> None:
        self._url = url
        self._headers = headers
        self._lifetime = lifetime
        self._redactor = redactor
        self._notes = notes
        self._pause = Pause() if limiter is None else None
        self._tracing = tracing
        traced = compose([] if tracing is None else [tracing.request], self._send)
        limited = compose([] if limiter is None else [RateLimitMiddleware(limiter)], traced, ours=True)
        attempt = compose(attempt_middleware, limited, name="attempt_middleware")
        retry = RetryMiddleware(sleep=sleep)
        outer = list(middleware) if hasattr(middleware, "__iter__") else middleware
        self._chain = compose(outer, compose([retry], attempt, ours=True))
        # The outermost retries.
        self._retry = next((layer for layer in outer if isinstance(layer, RetryMiddleware)), retry)
        self._limiter = limiter

    @property
    def account_url(self) -> str:
        """The URL of the account."""
        return self._url.text

    @property
    def notes(self) -> ClientNotes:
        """What is noted of all calls."""
        return self._notes

    def stats(self) -> ClientStats:
        """Return the counts of all calls, and the state of the pool and the limits."""
        notes, pool, limiter = self._notes, self._lifetime.session.sender.pool, self._limiter
        limit = getattr(limiter, "current_limit", None)
        in_flight = getattr(limiter, "in_flight", None)
        return ClientStats(
            **{name: getattr(notes, name) for name in COUNTS},
            retries_left=self._retry.budget.left,
            connections_busy=None if pool is None else pool.busy,
            connections_idle=None if pool is None else pool.idle,
            connections_max=None if pool is None else pool.max_connections,
            limit=limit if isinstance(limit, int) else None,
            permits_in_flight=in_flight if isinstance(in_flight, int) else None,
        )

    def request(
        self,
        method: str,
        path: str,
        options: Options,
        *,
        lane: object = None,
        call_uuid: str | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        decode: Callable[[bytes], Any] | None = None,
        not_found: str | None = None,
        operation: str = "request",
        read: Callable[[Reply], Result | PlivoError],
    ) -> Awaitable[Result]:
        """Return the call that sends a request, to be awaited; `path` is relative to the account.

        If `decode` raises a DecodeError that is retryable, the attempt has failed, and another may follow.
        `not_found` is what a 404 means, in place of its meanings for a call. `operation` is the method of the
        client that was called. `read` makes the result, or the error to raise, of the response.

        Raises:
            PlivoError: Of the type that fits.
        """
        _check_target(method, path)
        session, loop = self._lifetime.check(), asyncio.get_running_loop()
        deadline = None if options.deadline is None else loop.time() + options.deadline
        notes = CallNotes(self._notes, method, path, call_uuid, loop.time, operation=operation)
        limits = CallLimits(deadline, options.retry, options.max_body, call_uuid, lane, decode)
        state = CallState(limits, notes=notes, session=session)
        request = self._build(method, path, params, json, options)
        state.attach(request)
        if self._tracing is None:
            return self._call(request, state, session, not_found, read)
        call = partial(self._call, request, state, session, not_found, read)
        return self._tracing.call(CallInfo.of(request), call)

    def surrounded(
        self, operation: str, path: str, call_uuid: str, call: Callable[[], Awaitable[Result]]
    ) -> Awaitable[Result]:
        """Return a call that sends several requests for one record, to be awaited."""
        if self._tracing is None:
            return call()
        info = CallInfo(call_uuid, method="GET", route=route_of(path), operation=operation)
        return self._tracing.call(info, call)

    async def _call(
        self,
        request: httpx.Request,
        state: CallState,
        session: Session,
        not_found: str | None,
        read: Callable[[Reply], Result | PlivoError],
    ) -> Result:
        notes = state.notes
        notes.call_began()
        scope = state.scope = asyncio.timeout_at(state.limits.deadline)
        session.call_began(scope)
        response: httpx.Response | None = None
        error: PlivoError
        try:
            try:
                response = _require_read_response(await within_deadline(self._chain, request, scope))
                if response.is_success:
                    _bind_request(request, response)
                    outcome = read(Reply(response, state.attempts, self._redactor, state.decoded))
                    if not isinstance(outcome, PlivoError):
                        notes.call_succeeded(state.attempts)
                        return outcome
                    error = outcome
                    del outcome
                else:
                    error = status_error(response, state.attempts, not_found)
            except httpx.HTTPError as failure:
                _name_request(failure, request)
                error = transport_error(failure, state.attempts)
            except (DeadlineExceededError, LimiterUnavailableError) as failure:
                error = failure
            except InvalidResponseError as failure:
                # The frames of its traceback hold the body and the request.
                error = failure.with_traceback(None)
            finally:
                session.call_ended(scope)
                # The reason phrase in its repr may reflect a secret, and a traceback may show this frame.
                del response
            # Raised out here, where no exception of httpx, which holds the credentials, becomes its context.
            if session.closed:
                error = ClientClosedError(
                    "the client was closed during the call", attempts=state.attempts, during_call=True
                )
            try:
                raise error
            finally:
                # Break the cycle error -> traceback -> frame -> error, which would keep the request and its
                # Authorization header alive until the next garbage collection.
                del error
        except BaseException as failure:
            if isinstance(failure, PlivoError):
                _name_call(failure, notes.call_uuid)
            notes.call_failed(failure, state.attempts)
            raise

    def _build(
        self, method: str, path: str, params: Mapping[str, Any] | None, json: Any, options: Options
    ) -> httpx.Request:
        url = self._url.join(path)
        extensions = {"timeout": dict(options.attempt_timeouts)}
        if params is None and json is None and method in _BODILESS_METHODS:
            # Given a stream, httpx does not compute the headers of a body.
            request = httpx.Request(
                method, url, headers=self._headers, stream=_NO_BODY, extensions=extensions
            )
            request.read()
            return request
        try:
            return httpx.Request(
                method, url, params=params, json=json, headers=self._headers, extensions=extensions
            )
        except (httpx.InvalidURL, AttributeError, RecursionError, TypeError, ValueError) as error:
            raise ConfigurationError(f"params or json cannot be sent: {printable(str(error))}") from None

    async def _send(self, request: httpx.Request) -> httpx.Response:
        state = CallState.attached_to(request)
        # Middleware may have made the request, without the state of its call.
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
        try:
            try:
                response = await sender.send(request)
            except httpx.HTTPError as failure:
                if isinstance(failure, _NEVER_SENT):
                    state.attempts -= 1
                _name_request(failure, request)
                self._redactor.failure(failure)
                raise
            except asyncio.CancelledError:
                state.attempts -= request.extensions.pop(UNSENT, False)
                state.unfinished_step = request.extensions.pop(UNFINISHED_STEP, "")
                raise
            except httpx.InvalidURL:
                # httpx parses the location of a redirect even if it is not to follow it.
                raise RedirectError(
                    "redirects are not followed: the location is no URL", attempts=state.attempts
                ) from None
            finally:
                state.is_counted = False
            response.request = request
            return await self._read(response, state)
        except BaseException as failure:
            notes.attempt_failed(failure)
            raise

    async def _read(self, response: httpx.Response, state: CallState) -> httpx.Response:
        """Read the body of a response, and the value in it."""
        decode, notes = state.limits.decode, state.notes
        try:
            response = await read_body(response, state.limits.max_body, state.attempts)
            if decode is not None and response.status_code == 200:
                try:
                    state.decoded = response.content, self._decode(response, decode)
                except DecodeError as error:
                    notes.responded(200, len(response.content), None, damaged=error.is_damaged)
                    raise
        except httpx.HTTPError as failure:
            self._redactor.failure(failure)
            raise
        except InvalidResponseError as error:
            error.status, error.attempts = response.status_code, state.attempts
            error.headers = kept_headers(response.headers)
            self._redactor.error(error)
            # In this frame too. Those below have the body.
            response = self._redactor.response(response)
            error.__traceback__ = None
            raise
        if not response.is_success:
            response = self._redactor.response(response)
        api_id = self._api_id(response, state) if notes.has_hook else None
        notes.responded(response.status_code, len(response.content), api_id)
        if response.status_code == 429 and self._pause is not None:
            retry_after = retry_after_seconds(response.headers)
            seconds = self._pause.begun(retry_after, asyncio.get_running_loop().time())
            if seconds is not None:
                notes.throttled(seconds, retry_after)
        return response

    def _api_id(self, response: httpx.Response, state: CallState) -> str | None:
        """Return Plivo's identifier of a request that was answered."""
        if state.decoded is not None and state.decoded[0] is response.content:
            value: Any = state.decoded[1]
            # The JSON of one record, or a page of a list.
            if isinstance(value, dict):
                found = cast("dict[str, Any]", value).get("api_id")
            else:
                found = getattr(value, "api_id", None)
        else:
            found = server_message(response.content)[1]
        return None if not isinstance(found, str) else self._redactor.text(printable(found))

    def _decode(self, response: httpx.Response, decode: Callable[[bytes], Any]) -> Any:
        content = response.content
        try:
            return decode(content)
        except DecodeError:
            # The error quotes the body.
            clean = self._redactor.body(content)
            if clean == content:
                raise
        return decode(clean)


def _name_call(error: PlivoError, call_uuid: str | None) -> None:
    """Set the call UUID of an error and of its causes, where they have none."""
    link: BaseException | None = error
    while isinstance(link, PlivoError) and link.call_uuid is None:
        link.call_uuid = call_uuid
        link = link.__cause__ if call_uuid is not None else None


def _name_request(failure: httpx.HTTPError, request: httpx.Request) -> None:
    """Set the request of a failure, where a mock or middleware set none: its host is in the error."""
    try:
        _ = failure.request
    except RuntimeError:
        failure.request = request


def _check_target(method: object, path: object) -> None:
    if not isinstance(method, str) or method not in _METHODS:
        raise ConfigurationError(
            f"method must be one of {', '.join(sorted(_METHODS))}, not {short_repr(method)}"
        )
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ConfigurationError(
            f"path must be relative to the account, such as 'Call/', not {short_repr(path)}"
        )


def _require_read_response(response: object) -> httpx.Response:
    if not isinstance(response, httpx.Response) or not response.is_stream_consumed:
        raise ConfigurationError(
            f"middleware must return a response whose body is read, not {short_repr(response)}"
        )
    return response


def _bind_request(request: httpx.Request, response: httpx.Response) -> None:
    try:
        _ = response.request
    except RuntimeError:
        # Made by middleware.
        response.request = request
