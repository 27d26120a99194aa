"""The ASGI app of a fake Plivo: it takes requests in, keeps a log of them, and sends the replies."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from plivo_async.errors import ConfigurationError
from plivo_async.testing.account import FakeAccount
from plivo_async.testing.list_query import microseconds
from plivo_async.testing.records import Present
from plivo_async.testing.replies import Receive, Reply, Send, json_bytes, send_reply
from plivo_async.testing.requests import Request, Scope, read_request
from plivo_async.testing.routes import Kind
from plivo_async.testing.statistics import FakeStatistics, RequestLog
from plivo_async.validation import finite_number, instance_of

Seconds: TypeAlias = float | Callable[[], float]


class FakeApp:
    """An ASGI 3 app that serves an account.

    Attributes:
        log: The requests.
        lock: Held while the account is read or changed.
        latency: Seconds before each response, or a function that returns them.
    """

    def __init__(
        self,
        account: FakeAccount,
        now: datetime | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._account = account
        self._real_clock = clock
        self._advanced = 0.0
        self._sleep = sleep
        self._began = None if now is None else (_aware(now), clock())
        self.log = RequestLog()
        # For a test and a server in different threads. Reentrant, because a user's iterators run under it.
        self.lock = threading.RLock()
        self.latency: Seconds = 0.0

    @property
    def now(self) -> datetime:
        """The present for lists, in UTC."""
        if self._began is None:
            return datetime.now(UTC) + timedelta(seconds=self._advanced)
        began, clock = self._began
        return began + timedelta(seconds=self._clock() - clock)

    def advance(self, seconds: float) -> None:
        """Move the clock forward, as if these seconds had passed."""
        with self.lock:
            self._advanced += finite_number("seconds", seconds, least=0.0)

    def _clock(self) -> float:
        return self._real_clock() + self._advanced

    @property
    def present(self) -> Present:
        """The lock and the clocks, for the records."""
        return Present(self.lock, self._clock, lambda: microseconds(self.now))

    @property
    def statistics(self) -> FakeStatistics:
        """What it was asked for and sent."""
        with self.lock:
            return self.log.statistics(self._account.over_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, or to the lifespan messages of a server."""
        if scope["type"] == "http":
            reply, delay = self._reply_to(read_request(scope))
            if delay > 0:
                await self._sleep(delay)
            await send_reply(reply, scope, receive, send)
        elif scope["type"] == "lifespan":
            while (message := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{message['type']}.complete"})
        else:
            raise ValueError(f"FakePlivo serves http, not {scope['type']!r}")

    def _reply_to(self, request: Request) -> tuple[Reply, float]:
        """Return the reply, and the seconds before it."""
        if request.route.kind is Kind.STATISTICS:
            return Reply(200, json_bytes(self.statistics.to_dict())), 0.0
        with self.lock:
            clock = self._clock()
            api_id = f"00000000-0000-4000-8000-{self.log.statuses.total() + 1:012x}"
            reply = self._account.reply_to(request, clock, microseconds(self.now), api_id)
            # Recorded before the delay, so that a request whose client gives up is recorded too.
            self.log.add(request, reply, clock)
        latency = self.latency
        return reply, reply.delay + (latency() if callable(latency) else latency)


def _aware(time: datetime) -> datetime:
    if instance_of("now", time, datetime).tzinfo is None:
        raise ConfigurationError("now must be an aware datetime")
    return time.astimezone(UTC)
