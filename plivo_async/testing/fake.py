"""FakePlivo: the part of Plivo's API that this package uses, as an ASGI app."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, Unpack

import cattrs

from plivo_async._httpx import httpx
from plivo_async.client import AsyncClient
from plivo_async.credentials import find_credentials
from plivo_async.exported import exported
from plivo_async.middleware import Middleware
from plivo_async.options import RequestOptions
from plivo_async.rate_limit import RateLimit, RateLimiter
from plivo_async.record.model import CallDetailRecord
from plivo_async.secret import Secret
from plivo_async.testing.account import FakeAccount
from plivo_async.testing.documented import DOCUMENTED_AUTH_ID, DOCUMENTED_CALL
from plivo_async.testing.faults import Fault, RandomFaults
from plivo_async.testing.generated import GeneratedCalls
from plivo_async.testing.instant_retry import InstantRetryPolicy
from plivo_async.testing.rate_limits import FakeRateLimit
from plivo_async.testing.replies import Receive, Send, send_reply
from plivo_async.testing.requests import RecordedRequest, Scope, read_request
from plivo_async.testing.server import FakeServer
from plivo_async.validation import finite_number, whole_number

_KEPT_REQUESTS = 10_000
# A reserved name (RFC 6761): a request that leaves the process by mistake reaches no host.
_BASE_URL = "https://fake-plivo.invalid"

Seconds: TypeAlias = float | Callable[[], float]


@exported
class ClientOptions(RequestOptions, total=False):
    """The options of `FakePlivo.client()`, which it passes to AsyncClient."""

    middleware: Iterable[Middleware]
    attempt_middleware: Iterable[Middleware]
    rate_limit: RateLimit | RateLimiter | None
    converter: cattrs.Converter | None
    sleep: Callable[[float], Awaitable[object]]


async def _no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@exported
class FakePlivo:
    """A fake Plivo with one account, for tests. It is an ASGI 3 app and thread-safe.

    It serves `GET /v1/Account/{auth_id}/Call/{call_uuid}/` only. Like Plivo it checks the credentials first,
    then the rate limit, then the path. `client()` returns a client that calls it in process, `serve()` serves
    it on a socket.

    Args:
        records: CallDetailRecords, or mappings that are sent as JSON. The default is the record in Plivo's
            documentation.
        auth_id: The account.
        auth_token: Its token.
        rate_limit: The limit on all requests to the account, beyond which it sends 429; None for no limit.
        latency: Seconds before each response, or a function that returns them.
        random_faults: Faults in a share of the responses.
        clock: A function that returns seconds, for the rate limit and `publish_later`.
        sleep: The coroutine function that waits for `latency` and the delay of a fault.

    Raises:
        ConfigurationError: An option is not valid, or a record is neither a CallDetailRecord nor a mapping.
        InvalidCallUUIDError: A record has no valid call UUID.
        ValueError: A value of a record has no JSON form, such as a time without an offset.
        TypeError: A value of a record is of a type that has no JSON form.
    """

    def __init__(
        self,
        records: Iterable[CallDetailRecord | Mapping[str, Any]] = (DOCUMENTED_CALL,),
        *,
        auth_id: str = DOCUMENTED_AUTH_ID,
        auth_token: str = "fake-token",  # noqa: S107 - opens nothing
        rate_limit: FakeRateLimit | None = FakeRateLimit(),  # noqa: B008 - a frozen value
        latency: Seconds = 0.0,
        random_faults: RandomFaults | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        credentials = find_credentials(auth_id, Secret(auth_token))
        self._account = FakeAccount(credentials.auth_id, credentials.auth_token)
        self._clock = clock
        self._sleep = sleep
        # For a test and a server in different threads. Reentrant, because a user's iterators run under it.
        self._lock = threading.RLock()
        self._requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._statuses: Counter[int | None] = Counter()
        self.add(*records)
        self.latency = latency
        self.rate_limit = rate_limit
        self.random_faults = random_faults

    @property
    def auth_id(self) -> str:
        """The account."""
        return self._account.auth_id

    @property
    def auth_token(self) -> str:
        """Its token."""
        return self._account.auth_token

    # Records

    def add(self, *records: CallDetailRecord | Mapping[str, Any]) -> None:
        """Add records; each replaces an earlier record of the same call.

        Raises:
            ConfigurationError: A record is neither a CallDetailRecord nor a mapping.
            InvalidCallUUIDError: A record has no valid call UUID.
            ValueError: A value has no JSON form, such as a time without an offset.
            TypeError: A value is of a type that has no JSON form.
        """
        with self._lock:
            for record in records:
                self._account.store.add(record)

    def generate(self, size: int, *, seed: int = 0) -> list[str]:
        """Add `size` plausible calls and return their call UUIDs, newest call first.

        The same seed gives the same calls, and replaces them. A record is made when it is requested; only the
        call UUIDs are held, about 100 bytes each.

        Raises:
            ConfigurationError: `size` or `seed` is not a whole number, or is negative.
        """
        calls = GeneratedCalls(size, seed, auth_id=self.auth_id)
        with self._lock:
            self._account.store.generate(calls)
        return list(calls.call_uuids)

    @property
    def call_uuids(self) -> list[str]:
        """The call UUIDs of its records, added ones in their order, then generated ones."""
        with self._lock:
            return self._account.store.call_uuids

    # Faults

    def script(self, faults: Iterable[Fault], *, call_uuid: str | None = None) -> None:
        """Send these faults in place of the next responses, one for each request.

        A script replaces an earlier one, so `script([])` ends it. The script of a call takes precedence over
        the script for all calls. A request that is refused for its credentials or by the rate limit uses no
        fault.

        Args:
            faults: Faults in their order. A status means a StubResponse: `script([500, 500])`. An
                iterator is read one fault at a time and may be endless: `itertools.repeat(503)`.
            call_uuid: The call whose requests are meant; None for all requests.

        Raises:
            ConfigurationError: A fault in a list is not valid.
        """
        with self._lock:
            self._account.script(faults, call_uuid)

    def publish_later(self, call_uuid: str, *, after_requests: int = 0, after_seconds: float = 0.0) -> None:
        """Send 404 for this call at first, as Plivo does until the record is written.

        Args:
            call_uuid: The call.
            after_requests: The number of requests that get 404.
            after_seconds: Seconds from now during which requests get 404.

        Raises:
            ConfigurationError: A number is negative or not finite.
        """
        whole_number("after_requests", after_requests, least=0)
        finite_number("after_seconds", after_seconds, least=0.0)
        with self._lock:
            self._account.publish_later(call_uuid, after_requests, self._clock() + after_seconds)

    @property
    def latency(self) -> Seconds:
        """Seconds before each response, or a function that returns them."""
        return self._latency

    @latency.setter
    def latency(self, seconds: Seconds) -> None:
        self._latency = seconds if callable(seconds) else finite_number("latency", seconds, least=0.0)

    @property
    def rate_limit(self) -> FakeRateLimit | None:
        """The limit beyond which it sends 429. Setting it starts a new window."""
        return self._account.rate_limit

    @rate_limit.setter
    def rate_limit(self, limit: FakeRateLimit | None) -> None:
        with self._lock:
            self._account.set_rate_limit(limit)

    @property
    def random_faults(self) -> RandomFaults | None:
        """Faults in a share of the responses. Setting them starts again with their seed."""
        return self._account.random_faults

    @random_faults.setter
    def random_faults(self, faults: RandomFaults | None) -> None:
        with self._lock:
            self._account.set_random_faults(faults)

    # Requests

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last 10,000 requests in order of arrival."""
        with self._lock:
            return tuple(self._requests)

    @property
    def statuses(self) -> Counter[int | None]:
        """The number of requests by response status. None counts requests whose connection was dropped."""
        with self._lock:
            return self._statuses.copy()

    @property
    def over_limit(self) -> int:
        """The number of requests that the rate limit refused with 429."""
        return self._account.over_limit

    # Access

    def client(self, **options: Unpack[ClientOptions]) -> AsyncClient:
        """Return a client that calls this fake in process, without a socket.

        By default it never waits: `sleep` returns at once, `retry` is an InstantRetryPolicy and `rate_limit`
        is None. `calls.wait` counts the gaps between its requests as if it had waited. The client has no
        resources, so closing it is optional.

        Args:
            **options: `timeout`, `deadline`, `retry`, `max_body`, `middleware`, `attempt_middleware`,
                `rate_limit`, `converter` and `sleep`, as in AsyncClient.

        Raises:
            ConfigurationError: An option is not valid.
        """
        options.setdefault("retry", InstantRetryPolicy())
        options.setdefault("rate_limit", None)
        options.setdefault("sleep", _no_sleep)
        # Nobody closes this client, and nothing needs to: its transport calls a function.
        http_client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self), trust_env=False)
        return AsyncClient(
            self.auth_id, self.auth_token, base_url=_BASE_URL, http_client=http_client, **options
        )

    def serve(self, port: int = 0) -> FakeServer:
        """Return a server on 127.0.0.1 that yields its URL: `with` runs a thread, `async with` this loop.

        It needs uvicorn, which the `testing` extra installs.

        Args:
            port: The port; 0 for a free one.
        """
        return FakeServer(self, port)

    def __repr__(self) -> str:
        return f"<FakePlivo {self.auth_id} calls={len(self.call_uuids)} requests={self.statuses.total()}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, or to the lifespan messages of a server."""
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        elif scope["type"] == "lifespan":
            while (message := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{message['type']}.complete"})
        else:
            raise ValueError(f"FakePlivo serves http, not {scope['type']!r}")

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_request(scope)
        with self._lock:
            now = self._clock()
            number = self._statuses.total() + 1
            reply = self._account.reply_to(request, now, f"00000000-0000-4000-8000-{number:012x}")
            # Recorded before the delay, so that a request whose client gives up is recorded too.
            self._statuses[reply.seen_status] += 1
            self._requests.append(request.recorded(reply.seen_status, now))
        latency = self._latency
        delay = reply.delay + (latency() if callable(latency) else latency)
        if delay > 0:
            await self._sleep(delay)
        await send_reply(reply, scope, receive, send)
