"""Requester: the one way in which every resource sends a request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from plivo_async._httpx import httpx
from plivo_async.account_url import AccountURL
from plivo_async.client_notes import COUNTS, ClientNotes
from plivo_async.context import CallInfo, CallLimits, CallState
from plivo_async.deadline import overdue_error
from plivo_async.error_mapping import status_error, transport_error
from plivo_async.errors import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    InvalidResponseError,
    LimiterUnavailableError,
    PlivoError,
)
from plivo_async.exchange import Exchange, name_request
from plivo_async.lifetime import Lifetime, Session
from plivo_async.middleware import Middleware, compose
from plivo_async.middleware.pause import Pause
from plivo_async.middleware.rate_limiting import RateLimitMiddleware
from plivo_async.middleware.retry import RetryMiddleware
from plivo_async.notes import CallNotes
from plivo_async.options import Options
from plivo_async.rate_limit import RateLimiter
from plivo_async.redactor import Redactor
from plivo_async.reply import Reply
from plivo_async.request_building import RequestBuilder, check_target
from plivo_async.route import route_of
from plivo_async.stats import ClientStats
from plivo_async.text import short_repr
from plivo_async.tracing import Tracing

Result = TypeVar("Result")


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
        self._builder = RequestBuilder(url, headers)
        self._lifetime = lifetime
        self._redactor = redactor
        self._notes = notes
        self._tracing = tracing
        exchange = Exchange(lifetime, redactor, Pause() if limiter is None else None)
        traced = compose([] if tracing is None else [tracing.request], exchange.send)
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
        check_target(method, path)
        session, loop = self._lifetime.check(), asyncio.get_running_loop()
        deadline = None if options.deadline is None else loop.time() + options.deadline
        notes = CallNotes(self._notes, method, path, call_uuid, operation, clock=loop.time)
        limits = CallLimits(deadline, options.retry, options.max_body, call_uuid, lane, decode)
        state = CallState(limits, notes=notes, session=session)
        request = self._builder.build(method, path, params, json, options)
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
        try:
            outcome = await self._outcome(request, state, session, not_found, read)
            if not isinstance(outcome, PlivoError):
                notes.call_succeeded(state.attempts)
                return outcome
            if session.closed:
                outcome = ClientClosedError(
                    "the client was closed during the call", attempts=state.attempts, during_call=True
                )
            try:
                raise outcome
            finally:
                # Break the cycle error -> traceback -> frame -> error, which would keep the request and its
                # Authorization header alive until the next garbage collection.
                del outcome
        except BaseException as failure:
            if isinstance(failure, PlivoError):
                _name_call(failure, notes.call_uuid)
            notes.call_failed(failure, state.attempts)
            raise

    async def _outcome(
        self,
        request: httpx.Request,
        state: CallState,
        session: Session,
        not_found: str | None,
        read: Callable[[Reply], Result | PlivoError],
    ) -> Result | PlivoError:
        """Return the result, or the error to raise.

        Raised here, an exception of httpx, which holds the credentials, would become its context, and its
        traceback would show this frame. The response in it may reflect a secret.
        """
        scope = state.scope = asyncio.timeout_at(state.limits.deadline)
        session.call_began(scope)
        try:
            async with scope:
                response = await self._chain(request)
            _check_response(response, request)
            if not 200 <= response.status_code < 300:
                return status_error(response, state.attempts, not_found)
            return read(Reply(response, state.attempts, self._redactor, state.decoded))
        except httpx.HTTPError as failure:
            name_request(failure, request)
            return transport_error(failure, state.attempts)
        except TimeoutError:
            if not scope.expired():
                raise
            return overdue_error(state)
        except (DeadlineExceededError, LimiterUnavailableError) as failure:
            return failure
        except InvalidResponseError as failure:
            # The frames of its traceback hold the body and the request.
            return failure.with_traceback(None)
        finally:
            session.call_ended(scope)


def _name_call(error: PlivoError, call_uuid: str | None) -> None:
    """Set the call UUID of an error and of its causes, where they have none."""
    link: BaseException | None = error
    while isinstance(link, PlivoError) and link.call_uuid is None:
        link.call_uuid = call_uuid
        link = link.__cause__ if call_uuid is not None else None


def _check_response(response: object, request: httpx.Request) -> None:
    if not isinstance(response, httpx.Response) or not response.is_stream_consumed:
        raise ConfigurationError(
            f"middleware must return a response whose body is read, not {short_repr(response)}"
        )
    try:
        _ = response.request
    except RuntimeError:
        # Made by middleware.
        response.request = request
