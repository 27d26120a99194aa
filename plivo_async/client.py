"""AsyncClient: credentials, lifetime, and the one request() that every resource uses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, NoReturn, Self, Unpack

import cattrs
import httpx

from plivo_async.base_url import DEFAULT_BASE_URL, check_base_url
from plivo_async.body import read_body
from plivo_async.context import RequestContext
from plivo_async.credentials import Secret, find_credentials
from plivo_async.error_mapping import status_error, transport_error
from plivo_async.errors import (
    ClientClosedError,
    ConfigurationError,
    PlivoError,
    RedirectError,
)
from plivo_async.exported import exported
from plivo_async.http_client import DirectClient, request_headers
from plivo_async.lifetime import Lifetime
from plivo_async.middleware import Middleware, compose
from plivo_async.middleware.rate_limiting import rate_limiting
from plivo_async.middleware.retry import RetryMiddleware
from plivo_async.options import (
    DEFAULT_DEADLINE,
    DEFAULT_MAX_BODY,
    DEFAULT_TIMEOUT,
    Options,
    RequestOptions,
)
from plivo_async.rate_limit import RateLimit, RateLimiter
from plivo_async.record.converter import make_converter
from plivo_async.resources.calls import CallsResource
from plivo_async.retry_policy import RetryPolicy
from plivo_async.text import printable, short_repr
from plivo_async.transport import ConnectionPool, Verify, environment_proxy
from plivo_async.validation import instance_of

_PATH = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*/?")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_NO_AUTH = httpx.Auth()


@exported
class AsyncClient:
    """A client of Plivo's voice API for one account, with its own connection pool.

    Building it does no I/O and needs no event loop; the first call binds it to the running one. Use it as
    an async context manager, or call `aclose()`.

    auth_id, auth_token: default to PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN.
    base_url: https, or http on loopback.
    timeout, deadline, retry, max_body: see RequestOptions.
    max_connections, keepalive_expiry (seconds), verify (bool, CA file or SSL context), proxy: see
    ConnectionPool.
    trust_env: whether HTTPS_PROXY, ALL_PROXY and NO_PROXY count where no proxy is given.
    http_client: an `httpx.AsyncClient` to send with instead; borrowed, never closed. The pool's options do
    not apply.
    rate_limit: what the account may send; or a RateLimiter, such as a SlidingWindowLimiter that clients
    share; or None for no limit.
    middleware: around RetryMiddleware, the first one outermost.
    converter: from `make_converter()`, with hooks of your own.

    Raises: ConfigurationError for anything that cannot be used.
    """

    def __init__(
        self,
        auth_id: str | None = None,
        auth_token: str | None = None,
        *,
        base_url: str = DEFAULT_BASE_URL,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        deadline: float | None = DEFAULT_DEADLINE,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 - a frozen value
        max_body: int = DEFAULT_MAX_BODY,
        max_connections: int = 100,
        keepalive_expiry: float = 30.0,
        verify: Verify = True,
        proxy: str | None = None,
        trust_env: bool = True,
        http_client: httpx.AsyncClient | None = None,
        middleware: Iterable[Middleware] = (),
        rate_limit: RateLimit | RateLimiter | None = RateLimit(),  # noqa: B008 - a frozen value
        converter: cattrs.Converter | None = None,
    ) -> None:
        secret = Secret(auth_token)
        del auth_token
        credentials = find_credentials(auth_id, secret)
        root = check_base_url(base_url)
        self._options = Options(timeout=timeout, deadline=deadline, retry=retry, max_body=max_body)
        self._auth_id = credentials.auth_id
        self._account_url = f"{str(root).rstrip('/')}/v1/Account/{credentials.auth_id}/"
        self._headers = request_headers(root, credentials)
        instance_of("trust_env", trust_env, bool)
        self._lifetime = Lifetime()
        self._lane: object = None
        self._pool: ConnectionPool | None = None
        if http_client is None:
            self._pool = ConnectionPool(
                max_connections=max_connections,
                keepalive_expiry=keepalive_expiry,
                verify=verify,
                proxy=environment_proxy(root) if proxy is None and trust_env else proxy,
            )
            http_client = DirectClient(self._pool)
        self._http = instance_of("http_client", http_client, httpx.AsyncClient)
        self._chain = compose(
            middleware, compose([RetryMiddleware(), *rate_limiting(rate_limit)], self._send)
        )
        chosen = make_converter() if converter is None else converter
        self.converter = instance_of("converter", chosen, cattrs.Converter)

    @property
    def calls(self) -> CallsResource:
        """Call detail records."""
        return CallsResource(self, sleep=self._lifetime.sleep)

    def in_own_lane(self) -> Self:
        """A view of this client whose calls wait for the rate limit in a lane of their own, as a batch's do.

        Lanes take turns: many calls in one of them do not hold up the few in another.
        """
        view = self._view()
        view._lane = object()
        return view

    def with_options(self, **changes: Unpack[RequestOptions]) -> Self:
        """A view of this client with other options.

        It shares connections and limits; closing either closes both.

        Raises: ConfigurationError.
        """
        view = self._view()
        view._options = self._options.changed(changes)
        return view

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        **options: Unpack[RequestOptions],
    ) -> httpx.Response:
        """Send a request of your own; `path` is relative to the account, such as `Call/<call UUID>/`.

        GET, HEAD and OPTIONS are retried. Returns an answer with a 2xx status, its body read.

        Raises: PlivoError, of the type that fits: StatusError, NetworkError, DeadlineExceededError and so on.
        """
        _check_target(method, path)
        chosen = self._options.changed(options)
        loop = self._lifetime.check()
        context = RequestContext(
            deadline=None if chosen.deadline is None else loop.time() + chosen.deadline,
            retry=chosen.retry,
            max_body=chosen.max_body,
            lane=self._lane,
        )
        try:
            request = httpx.Request(
                method,
                self._account_url + path,
                params=params,
                json=json,
                headers=self._headers,
                extensions={"timeout": chosen.attempt_timeouts()},
            )
        except (httpx.InvalidURL, AttributeError, RecursionError, TypeError, ValueError) as error:
            raise ConfigurationError(f"params or json cannot be sent: {printable(str(error))}") from None
        context.attach(request)
        return await self._carry_out(request, context)

    async def _carry_out(self, request: httpx.Request, context: RequestContext) -> httpx.Response:
        scope = asyncio.timeout_at(context.deadline)
        error: PlivoError
        try:
            async with scope:
                self._lifetime.call_began(scope)
                response = _require_read_response(await self._chain(request))
            if response.is_success:
                return _bind_request(request, response)
            error = status_error(response, context.attempts)
        except httpx.HTTPError as failure:
            error = transport_error(failure, context.attempts)
        except TimeoutError:
            if not scope.expired():
                raise
            error = context.deadline_error(
                f"no answer within the deadline, after {context.attempts} attempts"
            )
        finally:
            self._lifetime.call_ended(scope)
            # It may hold the request, which holds the context.
            context.last_failure = None
        # Raised out here, where no exception of httpx, which holds the credentials, becomes its context.
        if self._lifetime.closed:
            raise ClientClosedError("the client was closed during the call", attempts=context.attempts)
        try:
            raise error from error.__cause__
        finally:
            # Or its traceback and this frame would keep each other, and the credentials.
            del error

    async def _send(self, request: httpx.Request) -> httpx.Response:
        context = RequestContext.of(request)
        if self._lifetime.closed or self._http.is_closed:
            raise ClientClosedError(
                "the client, or the http_client it was given, is closed", attempts=context.attempts
            )
        context.attempts += 1
        try:
            response = await self._http.send(request, stream=True, auth=_NO_AUTH, follow_redirects=False)
        except httpx.InvalidURL:
            # httpx looks where a redirect leads to even if it is not to follow.
            raise RedirectError("a redirect to what is no URL", attempts=context.attempts) from None
        return await read_body(response, context.max_body, context.attempts)

    async def aclose(self) -> None:
        """Close the pool, at once: calls under way end with ClientClosedError.

        A borrowed http_client stays open.

        Raises: EventLoopError in an event loop other than the client's, while that one lives.
        """
        if not self._lifetime.close():
            return
        try:
            await self._lifetime.wait_ended()
        finally:
            if self._pool is not None:
                await self._pool.aclose()

    async def __aenter__(self) -> Self:
        self._lifetime.check()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __getstate__(self) -> NoReturn:
        raise TypeError("an AsyncClient holds connections, and cannot be pickled or copied: build another")

    def _view(self) -> Self:
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        return view

    def __repr__(self) -> str:
        # A traceback that shows locals asks for it in the midst of a failed construction too.
        if not hasattr(self, "converter"):
            return "<AsyncClient not built>"
        state = "closed" if self._lifetime.closed else repr(self._pool or self._http)
        return f"<AsyncClient {self._account_url} {state}>"


def _check_target(method: object, path: object) -> None:
    if not isinstance(method, str) or method not in _METHODS:
        raise ConfigurationError(
            f"method must be one of {', '.join(sorted(_METHODS))}, not {short_repr(method)}"
        )
    if not isinstance(path, str) or not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ConfigurationError(
            f"path must be relative to the account, such as 'Call/', not {short_repr(path)}"
        )


def _require_read_response(response: Any) -> httpx.Response:
    if not isinstance(response, httpx.Response) or not response.is_stream_consumed:
        raise ConfigurationError(
            f"middleware must return a response whose body is read, not {short_repr(response)}"
        )
    return response


def _bind_request(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    try:
        _ = response.request
    except RuntimeError:
        # Made by middleware.
        response.request = request
    return response
