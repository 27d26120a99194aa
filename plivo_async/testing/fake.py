"""FakePlivo: the part of Plivo's API that this package uses, as an ASGI app."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Unpack

from plivo_async.client import AsyncClient
from plivo_async.credentials import find_credentials
from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord
from plivo_async.secret import Secret
from plivo_async.testing.account import FakeAccount
from plivo_async.testing.app import FakeApp, Seconds
from plivo_async.testing.callbacks import SignedCallback, signed_hangup
from plivo_async.testing.client_options import ClientOptions, client_of
from plivo_async.testing.documented import DOCUMENTED_AUTH_ID, DOCUMENTED_CALL
from plivo_async.testing.faults import Fault, RandomFaults
from plivo_async.testing.generated import GeneratedCalls
from plivo_async.testing.list_quirks import ListQuirks
from plivo_async.testing.rate_limits import FakeRateLimit
from plivo_async.testing.records import FakeLiveCalls, FakeRecords, FakeTrunkCalls, add_generated
from plivo_async.testing.replies import Receive, Send
from plivo_async.testing.requests import RecordedRequest, Scope
from plivo_async.testing.server import LOOPBACK, FakeServer
from plivo_async.testing.statistics import FakeStatistics
from plivo_async.text import short_repr
from plivo_async.validation import finite_number, instance_of


@exported
class FakePlivo:
    """A fake Plivo with one account, for tests. It is an ASGI 3 app and thread-safe.

    Below `/v1/Account/{auth_id}/` it serves `GET` of calls, live and queued calls, SIP-trunk calls and
    recordings, single ones and lists. Like Plivo it checks the credentials first, then the rate limit, then
    the path. `client()` returns a client that calls it in process, `serve()` serves it on a socket.
    `GET /_fake/statistics` returns `statistics` without credentials.

    Args:
        records: CallDetailRecords, or mappings that are sent as JSON. Default: the record in Plivo's
            documentation.
        auth_id: The auth id of the account.
        auth_token: The auth token of the account.
        rate_limit: The limit on all requests to the account; None for no limit. Above it the fake responds
            with 429.
        latency: Seconds before each response, 0 or more, or a function that returns them.
        random_faults: Faults in a share of the responses; None for none.
        list_quirks: Deviations of the lists.
        now: The present for lists, an aware time that advances with `clock`; None for this machine's time.
        clock: A function that returns seconds, for the rate limit and `publish_later`.
        sleep: A coroutine function that waits for `latency` and the delay of a fault.

    Attributes:
        trunk_calls: The SIP-trunk calls.
        recordings: The recordings.
        live_calls: The calls in progress.
        queued_calls: The calls that are queued.

    Raises:
        ConfigurationError: An option cannot be used, or a record is neither a CallDetailRecord nor a mapping.
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
        list_quirks: ListQuirks = ListQuirks(),  # noqa: B008 - a frozen value
        now: datetime | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        credentials = find_credentials(auth_id, Secret(auth_token))
        account = self._account = FakeAccount(credentials.auth_id, credentials.auth_token)
        self._app = FakeApp(account, now, clock, sleep)
        present = self._app.present
        self._calls = FakeRecords(account.calls, present)
        self.trunk_calls = FakeTrunkCalls(account.trunk_calls, present, account.insights)
        self.recordings = FakeRecords(account.recordings, present)
        self.live_calls = FakeLiveCalls(account.live_calls, present, "in-progress")
        self.queued_calls = FakeLiveCalls(account.queued_calls, present, "queued")
        self.add(*records)
        self.latency = latency
        self.rate_limit = rate_limit
        self.random_faults = random_faults
        self.list_quirks = list_quirks

    @property
    def auth_id(self) -> str:
        """The auth id of the account."""
        return self._account.auth_id

    @property
    def auth_token(self) -> str:
        """The auth token of the account."""
        return self._account.auth_token

    @property
    def now(self) -> datetime:
        """The present for lists, in UTC."""
        return self._app.now

    # Records

    def add(self, *records: CallDetailRecord | Mapping[str, Any]) -> None:
        """Add records; each replaces an earlier record of the same call.

        Args:
            *records: CallDetailRecords, or mappings that are sent as JSON.

        Raises:
            ConfigurationError: A record is neither a CallDetailRecord nor a mapping.
            InvalidCallUUIDError: A record has no valid call UUID.
            ValueError: A value has no JSON form, such as a time without an offset.
            TypeError: A value is of a type that has no JSON form.
        """
        self._calls.add(*records)

    def generate(
        self, size: int, *, seed: int = 0, since: datetime | None = None, until: datetime | None = None
    ) -> list[str]:
        """Add `size` plausible calls and return their call UUIDs, newest call first.

        The same seed gives the same calls, and replaces them. A record is made when it is requested. Only the
        call UUIDs are kept, about 100 bytes each.

        Args:
            size: The number of calls, 0 or more.
            seed: A whole number, 0 or more.
            since: The begin of the span in which the calls end, an aware time. None, together with `until`,
                for fixed times in 2025, which are too old for a list.
            until: The end of this span, an aware time that is not part of it; None as for `since`. A call
                that ends in the future appears once it has ended.

        Returns:
            The call UUIDs.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        calls = GeneratedCalls(size, seed, auth_id=self.auth_id, since=since, until=until)
        return add_generated(self._account.calls, self._app.present, calls, until)

    @property
    def call_uuids(self) -> list[str]:
        """The call UUIDs of all records, added ones in their order, then generated ones."""
        return self._calls.names

    def signed_hangup(
        self, call_uuid: str, url: str, *, method: Literal["POST", "GET"] = "POST"
    ) -> SignedCallback:
        """Return the callback that Plivo would send after one of its calls, signed with its token.

        It sends nothing: post it to your service with the HTTP client of your tests.

        Args:
            call_uuid: The call UUID. The record may be one that is published later.
            url: The URL of your service.
            method: The `hangup_method` of the call, POST or GET.

        Returns:
            The request to post.

        Raises:
            ConfigurationError: The fake has no such call, `url` is not a URL, or the method cannot be used.
        """
        with self._app.lock:
            body = self._account.calls.body(call_uuid)
        if body is None:
            raise ConfigurationError(f"the fake has no call {short_repr(call_uuid)}")
        return signed_hangup(json.loads(body), url, auth_token=self.auth_token, method=method)

    # Faults

    def script(self, faults: Iterable[Fault], *, call_uuid: str | None = None) -> None:
        """Send these faults instead of the next responses, one for each request.

        A script replaces an earlier one, so `script([])` ends it. The script of a call overrides the script
        for all requests. A request that is refused for its credentials or by the rate limit uses no fault.

        Args:
            faults: Faults in their order. A status means a StubResponse: `script([500, 500])`. An
                iterator is read one fault at a time and may be endless: `itertools.repeat(503)`.
            call_uuid: The call whose requests get the faults; None for all requests.

        Raises:
            ConfigurationError: A fault in a list cannot be used.
        """
        with self._app.lock:
            self._account.script(faults, call_uuid)

    def publish_later(
        self, call_uuid: str, *, after_requests: int = 0, after_seconds: float = 0.0, after_lists: int = 0
    ) -> None:
        """Respond with 404 for this call at first, as Plivo does until the record is written. Do not list it.

        Args:
            call_uuid: The call UUID.
            after_requests: How many requests for the call get 404, 0 or more.
            after_seconds: Seconds from now during which requests get 404, 0 or more.
            after_lists: How many list requests do not have the call, 0 or more.

        Raises:
            ConfigurationError: A number is negative or not finite.
        """
        self._calls.publish_later(
            call_uuid, after_requests=after_requests, after_seconds=after_seconds, after_lists=after_lists
        )

    @property
    def latency(self) -> Seconds:
        """Seconds before each response, or a function that returns them."""
        return self._app.latency

    @latency.setter
    def latency(self, seconds: Seconds) -> None:
        self._app.latency = seconds if callable(seconds) else finite_number("latency", seconds, least=0.0)

    @property
    def rate_limit(self) -> FakeRateLimit | None:
        """The limit above which the fake responds with 429; None for none. A new one begins a new window."""
        return self._account.rate_limit

    @rate_limit.setter
    def rate_limit(self, limit: FakeRateLimit | None) -> None:
        with self._app.lock:
            self._account.set_rate_limit(limit)

    @property
    def random_faults(self) -> RandomFaults | None:
        """Faults in a share of the responses; None for none. New ones begin with their seed."""
        return self._account.random_faults

    @random_faults.setter
    def random_faults(self, faults: RandomFaults | None) -> None:
        with self._app.lock:
            self._account.set_random_faults(faults)

    @property
    def list_quirks(self) -> ListQuirks:
        """Deviations of the lists."""
        return self._account.list_quirks

    @list_quirks.setter
    def list_quirks(self, quirks: ListQuirks) -> None:
        self._account.list_quirks = instance_of("list_quirks", quirks, ListQuirks)

    def advance(self, seconds: float) -> None:
        """Move the clock forward, as if these seconds had passed, without waiting.

        The rate limit, `publish_later(after_seconds=...)`, live calls and `now` follow. Each sleep of a
        client from `client()` advances the clock too.

        Args:
            seconds: The seconds, 0 or more.

        Raises:
            ConfigurationError: The number is negative or not finite.
        """
        self._app.advance(seconds)

    # Requests

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last 10,000 requests in order of arrival."""
        with self._app.lock:
            return tuple(self._app.log.requests)

    @property
    def statuses(self) -> Counter[int | None]:
        """The number of requests by the status of the response; by None if the connection was dropped."""
        with self._app.lock:
            return self._app.log.statuses.copy()

    @property
    def over_limit(self) -> int:
        """The number of requests that the rate limit refused with 429."""
        return self._account.over_limit

    @property
    def statistics(self) -> FakeStatistics:
        """The counts of requests and responses."""
        return self._app.statistics

    # Access

    def client(self, **options: Unpack[ClientOptions]) -> AsyncClient:
        """Return a client that calls this fake in process, without a socket.

        By default the client never waits: `sleep` advances the clock of the fake instead, `retry` is an
        InstantRetryPolicy and `rate_limit` is None. `calls.wait` counts the gaps between its requests as if
        it had waited. The client holds no connections, so closing it is optional.

        Args:
            **options: The options of ClientOptions, most of which are as in AsyncClient: `timeout`,
                `deadline`, `retry`, `max_body`, `middleware`, `attempt_middleware`, `rate_limit`,
                `converter`, `sleep`, `on_event` and `tracing`.

        Returns:
            The client, of the account of the fake.

        Raises:
            ConfigurationError: An option cannot be used.
        """
        return client_of(self._app, self.auth_id, self.auth_token, options, self.advance)

    def serve(self, port: int = 0, *, host: str = LOOPBACK) -> FakeServer:
        """Return a server that yields its URL: `with` serves in a thread, `async with` in this event loop.

        It needs uvicorn: `pip install "plivo-async[testing]"`.

        Args:
            port: The port; 0 for a free one.
            host: The address to listen on. "0.0.0.0" makes it reachable from other containers and machines,
                whose clients need `allow_http=True`. The URL is the one for this machine.

        Returns:
            The server, for a `with` block.

        Raises:
            ConfigurationError: The host is empty.
        """
        return FakeServer(self._app, port, host)

    def __repr__(self) -> str:
        return f"<FakePlivo {self.auth_id} calls={len(self.call_uuids)} requests={self.statuses.total()}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, or to the lifespan messages of a server.

        Args:
            scope: The scope of ASGI.
            receive: Receives a message of ASGI.
            send: Sends a message of ASGI.
        """
        await self._app(scope, receive, send)
