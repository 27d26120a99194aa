"""FakePlivo: the part of Plivo's API that this package uses, as an ASGI app."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, Unpack

import cattrs
import httpx

from plivo_async.client import AsyncClient
from plivo_async.credentials import Secret, find_credentials
from plivo_async.exported import exported
from plivo_async.middleware import Middleware
from plivo_async.options import RequestOptions
from plivo_async.rate_limit import RateLimit, RateLimiter
from plivo_async.record.model import CallDetailRecord
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
# Reserved (RFC 6761): a request that leaves the process by mistake ends nowhere.
_BASE_URL = "https://fake-plivo.invalid"

Seconds: TypeAlias = float | Callable[[], float]


@exported
class ClientOptions(RequestOptions, total=False):
    """What `FakePlivo.client()` hands on to AsyncClient."""

    middleware: Iterable[Middleware]
    rate_limit: RateLimit | RateLimiter | None
    converter: cattrs.Converter | None


@exported
class FakePlivo:
    """A Plivo with one account, to test against: an ASGI 3 app that any number of threads may use.

    It answers `GET /v1/Account/{auth_id}/Call/{call_uuid}/`, and nothing else, as Plivo does: it looks at the
    credentials, then at the rate limit, then at the path. `client()` asks it in process, `serve()` puts it on
    a socket.

    records: CallDetailRecords, or mappings that are sent as JSON; by default that of Plivo's documentation.
    rate_limit: how many requests pass before 429, whoever sends them; None for no limit.
    latency: seconds before each answer, or a function that gives them.
    random_faults: what goes wrong now and then.
    clock, sleep: in seconds; the clock of the rate limit and of `publish_later`, and what waits.

    Raises: ConfigurationError, and what `add` raises.
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
        # A test reads and changes in its own thread what the thread of a server uses. Reentrant, because
        # iterators of the user's run under it.
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

    # What it has.

    def add(self, *records: CallDetailRecord | Mapping[str, Any]) -> None:
        """Have these records too; one takes the place of another of the same call.

        Raises: ConfigurationError, InvalidCallUUIDError; ValueError, TypeError for what JSON cannot say.
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
        """The call UUIDs of its records: added ones in their order, then generated ones."""
        with self._lock:
            return self._account.store.call_uuids

    # What it does wrong.

    def script(self, faults: Iterable[Fault], *, call_uuid: str | None = None) -> None:
        """What it answers to the next requests, one each, whatever they ask for, or about this call only.

        A status alone is a StubResponse with it: `script([500, 500])`. A script takes the place of an earlier
        one, so `script([])` ends it. An iterator is drawn from one by one and may be endless:
        `itertools.repeat(503)`. The script of a call goes before that for all. Requests that the
        credentials or the rate limit stop use up nothing.

        Raises: ConfigurationError.
        """
        with self._lock:
            self._account.script(faults, call_uuid)

    def publish_later(self, call_uuid: str, *, after_requests: int = 0, after_seconds: float = 0.0) -> None:
        """Answer 404 for this call, as before its record is written, so many times and for so many seconds.

        Raises: ConfigurationError.
        """
        whole_number("after_requests", after_requests, least=0)
        finite_number("after_seconds", after_seconds, least=0.0)
        with self._lock:
            self._account.publish_later(call_uuid, after_requests, self._clock() + after_seconds)

    @property
    def latency(self) -> Seconds:
        """Seconds before each answer, or a function that gives them."""
        return self._latency

    @latency.setter
    def latency(self, seconds: Seconds) -> None:
        self._latency = seconds if callable(seconds) else finite_number("latency", seconds, least=0.0)

    @property
    def rate_limit(self) -> FakeRateLimit | None:
        """How many requests pass before 429; to set it begins a new window."""
        return self._account.rate_limit

    @rate_limit.setter
    def rate_limit(self, limit: FakeRateLimit | None) -> None:
        with self._lock:
            self._account.set_rate_limit(limit)

    @property
    def random_faults(self) -> RandomFaults | None:
        """What goes wrong now and then; to set it begins anew with its seed."""
        return self._account.random_faults

    @random_faults.setter
    def random_faults(self, faults: RandomFaults | None) -> None:
        with self._lock:
            self._account.set_random_faults(faults)

    # What it was asked.

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last 10,000 requests, in the order in which they came."""
        with self._lock:
            return tuple(self._requests)

    @property
    def statuses(self) -> Counter[int | None]:
        """The number of requests by response status. None counts requests whose connection was dropped."""
        with self._lock:
            return self._statuses.copy()

    @property
    def over_limit(self) -> int:
        """How many requests the rate limit answered with 429."""
        return self._account.over_limit

    # How it is asked.

    def client(self, **options: Unpack[ClientOptions]) -> AsyncClient:
        """A client that asks this fake in process, without a socket.

        It waits for nothing: it retries at once (InstantRetryPolicy) unless `retry` says otherwise, and keeps
        no rate limit of its own unless `rate_limit` does. It holds nothing that must be closed; `aclose()`
        and `async with` do what they always do.

        Raises: ConfigurationError.
        """
        options.setdefault("retry", InstantRetryPolicy())
        options.setdefault("rate_limit", None)
        # An AsyncClient never closes what it is given; here is nothing to close: the transport calls a
        # function.
        http_client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self), trust_env=False)
        return AsyncClient(
            self.auth_id, self.auth_token, base_url=_BASE_URL, http_client=http_client, **options
        )

    def serve(self, port: int = 0) -> FakeServer:
        """A server on 127.0.0.1: `with` runs it in a thread, `async with` in the running loop.

        Both give its URL. port: 0 for a free one. Needs uvicorn, which the `testing` extra installs.
        """
        return FakeServer(self, port)

    def __repr__(self) -> str:
        return f"<FakePlivo {self.auth_id} calls={len(self.call_uuids)} requests={self.statuses.total()}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or the server's lifespan messages."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            while (message := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{message['type']}.complete"})
        else:
            raise ValueError(f"FakePlivo speaks http, not {scope['type']!r}")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_request(scope)
        with self._lock:
            now = self._clock()
            number = self._statuses.total() + 1
            reply = self._account.reply_to(request, now, f"00000000-0000-4000-8000-{number:012x}")
            # Before the waits, so that a request whose client gives up is seen too.
            self._statuses[reply.seen_status] += 1
            self._requests.append(request.recorded(reply.seen_status, now))
        latency = self._latency
        delay = reply.delay + (latency() if callable(latency) else latency)
        if delay > 0:
            await self._sleep(delay)
        await send_reply(reply, scope, receive, send)
