"""AsyncClient: credentials, options, lifetime, and the resources of an account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import isawaitable
from operator import attrgetter
from types import TracebackType
from typing import Any, NoReturn, Self, Unpack

import cattrs
from attrs import frozen

from plivo_async._httpx import httpx
from plivo_async.account_url import AccountURL
from plivo_async.base_url import check_http_proxy, find_allow_http, find_base_url
from plivo_async.client_notes import ClientNotes
from plivo_async.credentials import Credentials, find_credentials
from plivo_async.events import Event
from plivo_async.exported import exported
from plivo_async.http_client import HTTPClient, Sender, borrowed_sender, pool_sender, request_headers
from plivo_async.lifetime import Lifetime
from plivo_async.log_switch import set_up_logging
from plivo_async.middleware import Middleware
from plivo_async.middleware.rate_limiting import find_limiter
from plivo_async.options import (
    DEFAULT_DEADLINE_SECONDS,
    DEFAULT_MAX_BODY_BYTES,
    DEFAULT_TIMEOUT,
    Options,
    RequestOptions,
)
from plivo_async.rate_limit import RateLimit, RateLimiter
from plivo_async.record.converter import make_converter
from plivo_async.redactor import Redactor
from plivo_async.requester import Requester
from plivo_async.resources.calls import CallsResource
from plivo_async.resources.instance_attribute import instance_attribute
from plivo_async.resources.recordings import RecordingsResource
from plivo_async.resources.trunk_calls import TrunkCallsResource
from plivo_async.retry_policy import RetryPolicy
from plivo_async.secret import Secret
from plivo_async.stats import ClientStats
from plivo_async.tracing import Tracing
from plivo_async.transport import ConnectionPool, Verify, environment_proxy
from plivo_async.validation import instance_of


@exported
class AsyncClient:
    """A client of Plivo's voice API for one account, with a connection pool of its own.

    Building it does no I/O and needs no event loop; the first call binds it to the running one. Use it as an
    async context manager, or call `aclose()`. A closed client may be entered again, in another event loop or
    a forked process too: it opens new connections. A setting is found in this order: the argument of a call,
    the argument of the client, the environment variable, the default.

    Args:
        auth_id: The auth id of the account or subaccount. Default: PLIVO_AUTH_ID.
        auth_token: The auth token of the account. Default: PLIVO_AUTH_TOKEN.
        base_url: The URL of the API: https, or http on loopback. Default: PLIVO_ASYNC_BASE_URL, then
            `https://api.plivo.com`.
        allow_http: Whether `base_url` may be http beyond loopback, for a fake in another container. Such a
            client sends the credentials unencrypted. Default: PLIVO_ASYNC_ALLOW_HTTP, 1 or 0, then False.
        timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`. Default: 10,
            to connect 5.
        deadline: Seconds for a whole call, with queueing, retries, their waits and the body; None for no
            deadline. Default: 60.
        retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt. Default: 3
            attempts.
        max_body: Bytes that the body of a response may have, after decompression; at least 1. Default: 4 MiB.
        max_connections: How many connections the pool may open, at least 1. Further requests queue.
        keepalive_expiry: Seconds after which an idle connection is closed. With 0 no connection is used
            twice.
        verify: The servers to trust. True: the CAs of httpx. A path: the CAs in that file. An
            `ssl.SSLContext` is used unchanged. False trusts every server, which exposes the credentials.
        proxy: The URL of an HTTP proxy. Default: HTTPS_PROXY (HTTP_PROXY for a plain http `base_url`), then
            ALL_PROXY, unless NO_PROXY exempts the API.
        trust_env: Whether these variables are read.
        http_client: A client of httpx or httpx2 that sends the requests, `httpx.AsyncClient` for example. It
            is never closed. The options of the pool do not apply then. None for the client's own pool.
        middleware: Middleware around the retries. It sees each call once. The first one is outermost.
        attempt_middleware: Middleware around each attempt: inside the retries, outside the wait for a permit.
        rate_limit: The limit of the account; or a RateLimiter, for example a SlidingWindowLimiter that
            several clients share; None for no limit. Default: 300 requests per 5 s.
        converter: A converter from `make_converter()`, with hooks of your own. None for one without.
        sleep: A coroutine function that waits for a number of seconds, between attempts and in `calls.wait`.
            Replace it in tests.
        on_event: A plain function that is called with each event of `plivo_async.events`, in their order, in
            the event loop. If it raises, no call fails: the exception goes to the exception handler of the
            loop. None for no function.
        tracing: Surrounds each call and each request, for example with spans of OpenTelemetry. None for no
            tracing.

    Raises:
        ConfigurationError: An argument or an environment variable cannot be used.

    Attributes:
        calls: The call detail records (CDRs) of the account.
        trunk_calls: The call detail records of its SIP trunks.
        recordings: The recordings of its calls.
    """

    calls: CallsResource = instance_attribute(CallsResource)
    trunk_calls: TrunkCallsResource = instance_attribute(TrunkCallsResource)
    recordings: RecordingsResource = instance_attribute(RecordingsResource)

    def __init__(
        self,
        auth_id: str | None = None,
        auth_token: str | None = None,
        *,
        base_url: str | None = None,
        allow_http: bool | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        deadline: float | None = DEFAULT_DEADLINE_SECONDS,
        retry: RetryPolicy | int | None = RetryPolicy(),  # noqa: B008 - a frozen value
        max_body: int = DEFAULT_MAX_BODY_BYTES,
        max_connections: int = 100,
        keepalive_expiry: float = 30.0,
        verify: Verify = True,
        proxy: str | None = None,
        trust_env: bool = True,
        http_client: HTTPClient | None = None,
        middleware: Iterable[Middleware] = (),
        attempt_middleware: Iterable[Middleware] = (),
        rate_limit: RateLimit | RateLimiter | None = RateLimit(),  # noqa: B008 - a frozen value
        converter: cattrs.Converter | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        on_event: Callable[[Event], object] | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        # A traceback may show this frame.
        token, proxy_url = Secret(auth_token), Secret(proxy)
        del auth_token, proxy
        set_up_logging()
        credentials = find_credentials(auth_id, token)
        may_use_http = find_allow_http(allow_http)
        root = find_base_url(base_url, allow_http=may_use_http)
        options = Options(timeout=timeout, deadline=deadline, retry=retry, max_body=max_body)
        instance_of("trust_env", trust_env, bool)
        if http_client is None:
            sender = pool_sender(
                ConnectionPool(
                    max_connections=max_connections,
                    keepalive_expiry=keepalive_expiry,
                    verify=verify,
                    # The variables are not meant for plain http with credentials: a proxy reads all of it.
                    proxy=environment_proxy(root)
                    if proxy_url.value is None and trust_env and root.scheme == "https"
                    else proxy_url.value,
                )
            )
            if sender.pool is not None and sender.pool.proxy is not None:
                check_http_proxy(root, sender.pool.proxy.url, allow_http=may_use_http)
        else:
            sender = borrowed_sender(http_client)
        url = AccountURL(root, credentials.auth_id)
        limiter = find_limiter(rate_limit)
        lifetime = Lifetime(sender, sleep)
        requester = Requester(
            url=url,
            headers=request_headers(root, credentials),
            middleware=middleware,
            attempt_middleware=attempt_middleware,
            limiter=limiter,
            lifetime=lifetime,
            redactor=_redactor(credentials, sender),
            sleep=sleep,
            notes=ClientNotes(on_event, root.netloc.decode("ascii")),
            tracing=tracing,
        )
        chosen = (
            make_converter() if converter is None else instance_of("converter", converter, cattrs.Converter)
        )
        self._share(_Core(credentials.auth_id, url.text, limiter, lifetime, requester, chosen), options)

    def _share(self, core: _Core, options: Options, lane: object = None) -> None:
        self._core = core
        self._options = options
        self._lane = lane
        requester, converter = core.requester, core.converter
        self.calls = CallsResource(requester, converter, options, lane, sleep=core.lifetime.sleep)
        self.trunk_calls = TrunkCallsResource(requester, converter, options, lane)
        self.recordings = RecordingsResource(requester, converter, options, lane)

    def _view(self, options: Options, lane: object) -> Self:
        view = object.__new__(type(self))
        # Attributes that a subclass has set.
        vars(view).update(vars(self))
        view._share(self._core, options, lane)
        return view

    @property
    def auth_id(self) -> str:
        """The auth id of the account."""
        return self._core.auth_id

    @property
    def converter(self) -> cattrs.Converter:
        """The converter between JSON and records."""
        return self._core.converter

    def in_own_lane(self) -> Self:
        """Return a view of this client whose calls queue for the rate limit apart from others.

        Lanes take turns: many calls in one of them do not hold up the few in another. Each batch has a lane
        of its own.
        """
        return self._view(self._options, object())

    def with_options(self, **changes: Unpack[RequestOptions]) -> Self:
        """Return a view of this client with other options.

        It shares connections and limits with this client; closing either closes both. An option that you do
        not pass keeps its value.

        Args:
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for a whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of a response may have, after decompression; at least 1.

        Raises:
            ConfigurationError: A value cannot be used.
        """
        return self._view(self._options.changed(changes), self._lane)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        **options: Unpack[RequestOptions],
    ) -> httpx.Response:
        """Send a request of your own. GET, HEAD and OPTIONS are retried.

        An option that you do not pass has the client's value.

        Args:
            method: The HTTP method, in capitals.
            path: The path below the account, for example `Call/<call UUID>/`.
            params: The parameters of the query; None for none.
            json: A value to send as a JSON body; None for no body.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole request, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The response, with a status of 2xx and its body read.

        Raises:
            ConfigurationError: Before any traffic: an argument cannot be used.
            StatusError: The status is not 2xx.
            NetworkError: No whole response, after all attempts.
            DeadlineExceededError: The deadline is over, or the next wait would outlast it.
            ResponseTooLargeError: The body is larger than `max_body`.
            ClientClosedError: The client is closed.
            PlivoError: The root of these and all other errors.
        """
        chosen = self._options.changed(options)
        return await self._core.requester.request(
            # What a 404 means depends on the path.
            *(method, path, chosen),
            lane=self._lane,
            params=params,
            json=json,
            not_found="",
            read=attrgetter("response"),
        )

    def stats(self) -> ClientStats:
        """Return the counts of this client and its views since it was built, and their state now.

        It may be called at any time, and in any thread. It costs some microseconds.
        """
        return self._core.requester.stats()

    async def aclose(self) -> None:
        """Close the pool at once: calls under way end with ClientClosedError.

        An `http_client` of yours stays open. A rate limiter that has `aclose()` is closed too. A second
        `aclose()` does nothing. `async with` opens the client again, with new connections.

        Raises:
            EventLoopError: The client belongs to another event loop, which is not closed.
        """
        core = self._core
        session = core.lifetime.close()
        if session is None:
            return
        try:
            await session.wait_ended()
        finally:
            try:
                if session.sender.pool is not None:
                    await session.sender.pool.aclose()
            finally:
                await _close_limiter(core.limiter)

    async def __aenter__(self) -> Self:
        """Open the client in the running event loop.

        A closed client opens again. So does one that was used before a fork, or in an event loop that is
        closed. Blocks may be nested or overlap: the end of the last one closes the client.

        Raises:
            EventLoopError: The client belongs to another event loop, which is not closed.
        """
        self._core.lifetime.enter()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._core.lifetime.leave():
            await self.aclose()

    def __getstate__(self) -> NoReturn:
        raise TypeError("an AsyncClient holds connections, and cannot be pickled or copied: build another")

    def __repr__(self) -> str:
        core: _Core | None = vars(self).get("_core")
        # A traceback that shows locals calls this for a client whose construction failed.
        if core is None:
            return "<AsyncClient not built>"
        state = "closed" if core.lifetime.closed else repr(core.sender.pool or core.sender.http_client)
        return f"<AsyncClient {core.account_url} {state}>"


@frozen
class _Core:
    """Everything that a client and its views share."""

    auth_id: str
    account_url: str
    limiter: RateLimiter | None
    lifetime: Lifetime
    requester: Requester
    converter: cattrs.Converter

    @property
    def sender(self) -> Sender:
        """What the latest session sends with."""
        return self.lifetime.session.sender


def _redactor(credentials: Credentials, sender: Sender) -> Redactor:
    pairs = [(credentials.auth_id, credentials.auth_token)]
    if sender.pool is not None and sender.pool.proxy is not None:
        pairs.append(sender.pool.proxy.credentials)
    return Redactor(pair for pair in pairs if pair[1])


async def _close_limiter(limiter: RateLimiter | None) -> None:
    aclose: Any = getattr(limiter, "aclose", None)
    if aclose is not None and isawaitable(closing := aclose()):
        await closing
