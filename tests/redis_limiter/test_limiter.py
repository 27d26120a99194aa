"""The options of a RedisLimiter, and where it may be used."""

from __future__ import annotations

import asyncio
import copy
import importlib
import os
import pickle
import sys
from typing import Any

import fakeredis
import pytest
import redis.asyncio
from redis import exceptions
from redis.asyncio import Redis

import plivo_async.redis
from plivo_async import (
    ConfigurationError,
    EventLoopError,
    ForkedError,
    LimiterUnavailableError,
    RateLimit,
    RateLimiter,
)
from plivo_async.redis import RedisLimiter
from plivo_async.redis.store import PermitStore
from tests.redis_limiter.fake_redis import ACCOUNT, FakeRedis, request
from tests.virtual_time import in_virtual_time

URL = "redis://user:secret-password@127.0.0.1:6379/3?protocol=2"


class Connections:
    """The clients that are built from a URL: the URLs, and which of them are closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.urls: list[str] = []
        self.closed = 0
        self.faults: list[Exception] = []
        self._server = fakeredis.FakeServer()
        monkeypatch.setattr(Redis, "from_url", self._from_url)

    def _from_url(self, url: str, **options: Any) -> Any:
        connections = self
        self.urls.append(url)

        class Client(fakeredis.FakeAsyncRedis):
            async def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
                if connections.faults:
                    raise connections.faults.pop()
                return await super().evalsha(sha, numkeys, *keys_and_args)

            async def aclose(self, close_connection_pool: bool | None = None) -> None:
                connections.closed += 1
                await super().aclose(close_connection_pool)

        return Client(server=self._server)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    return Connections(monkeypatch)


async def use(limiter: RedisLimiter) -> None:
    limiter.release(await limiter.acquire(request()))


def test_it_is_a_rate_limiter_whose_repr_has_no_password() -> None:
    limiter = RedisLimiter(URL, ACCOUNT)
    assert isinstance(limiter, RateLimiter)
    assert repr(limiter) == (
        f"RedisLimiter(redis://127.0.0.1:6379/3, '{ACCOUNT}', limit=RateLimit(requests=300, per=5.0))"
    )
    assert (limiter.limit, limiter.in_flight) == (RateLimit(), 0)
    assert (limiter.delay(), limiter.is_free()) == (0.0, False)


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("http://127.0.0.1", {}, "the limiter's Redis must be a URL: redis://, rediss:// or unix://"),
        ("redis://:secret@[::1", {}, "must be a URL"),
        ("redis://:secret@h:x", {}, "must be a URL"),
        ("redis://h?no_such_option=1", {}, "must be a URL"),
        (URL, {"account": "SA2025RK4E639VJFZAGV"}, "account must be the auth id of the main account"),
        (URL, {"account": "{}"}, "account must be 1 to 128 characters of"),
        (URL, {"account": 7}, "account must be"),
        (URL, {"prefix": "{x}"}, "prefix must be"),
        (URL, {"limit": 300}, "limit must be of type RateLimit"),
        (URL, {"fallback": 300}, "fallback must be of type RateLimit"),
        (URL, {"timeout": 0}, "timeout must be above zero"),
        (URL, {"lost_after": 14.9}, "lost_after must be finite and at least 15"),
        (URL, {"lost_after": 3601}, "lost_after must be at most 3600, not 3601"),
    ],
)
def test_a_wrong_option_is_refused_and_no_password_shown(url: str, options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        _limiter(url, {"account": ACCOUNT, **options})
    assert "secret" not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, "not builtins.NoneType"),
        (b"redis://:secret@127.0.0.1", "not builtins.bytes"),
        (redis.Redis.from_url(URL), r"not redis\.client\.Redis"),
        (redis.asyncio.ConnectionPool.from_url(URL), r"not redis\.asyncio\.connection\.ConnectionPool"),
    ],
)
def test_anything_but_a_url_or_an_asyncio_client_is_refused(given: Any, shown: str) -> None:
    with pytest.raises(ConfigurationError, match=f"must be a URL or a client of redis.asyncio, {shown}$"):
        RedisLimiter(given, ACCOUNT)


@pytest.mark.parametrize(
    ("fault", "url", "end"),
    [
        (TimeoutError(), URL, r"no reply within 2 s \(redis://127\.0\.0\.1:6379/3\)"),
        (exceptions.AuthenticationError("no"), URL, r"no \(redis://127\.0\.0\.1:6379/3\)"),
        (
            exceptions.ResponseError("Error 1 at 127.0.0.1:6379."),
            URL,
            r"ResponseError: Error 1 at 127[0-9.:]*",
        ),
        (OSError("no"), "unix:///run/redis.sock", r"no \(unix:///run/redis\.sock\)"),
        (OSError("no"), "redis://", r"no \(redis://\)"),
    ],
)
async def test_an_error_names_the_server_once(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, url: str, end: str
) -> None:
    async def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(PermitStore, "_run", fail)
    with pytest.raises(LimiterUnavailableError, match=f"{end}$"):
        await PermitStore(url, 2.0).run([], [])


def _limiter(url: str, options: dict[str, Any]) -> RedisLimiter:
    return RedisLimiter(url, **options)


def test_the_account_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIVO_AUTH_ID", ACCOUNT)
    assert ACCOUNT in repr(RedisLimiter(URL))
    monkeypatch.delenv("PLIVO_AUTH_ID")
    with pytest.raises(ConfigurationError, match="no account"):
        RedisLimiter(URL)


def test_a_permit_is_lost_after_three_windows_at_least() -> None:
    assert RedisLimiter(URL, ACCOUNT)._account.lost_after == 30.0
    assert RedisLimiter(URL, ACCOUNT, limit=RateLimit(1, 60.0))._account.lost_after == 180.0
    assert RedisLimiter(URL, ACCOUNT, lost_after=20)._account.lost_after == 20.0


def test_without_redis_py_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImportError, match=r'pip install "plivo-async\[redis\]"'):
        importlib.reload(plivo_async.redis)


def test_it_is_not_pickled_or_copied() -> None:
    limiter = RedisLimiter(URL, ACCOUNT)
    for action in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="build another"):
            action(limiter)


async def test_it_connects_late_closes_its_connection_and_can_be_used_again(connections: Connections) -> None:
    limiter = RedisLimiter(URL, ACCOUNT)
    await limiter.aclose()
    for times in (1, 2):
        async with limiter:
            await use(limiter)
        assert (connections.closed, set(connections.urls)) == (times, {URL})
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("fault", [exceptions.ConnectionError("closed"), exceptions.ReadOnlyError("replica")])
async def test_a_server_that_was_replaced_is_connected_to_anew(
    connections: Connections, fault: Exception
) -> None:
    async with RedisLimiter(URL, ACCOUNT) as limiter:
        await use(limiter)
        connections.faults = [fault]
        await use(limiter)
        connections.faults = [fault, fault]
        with pytest.raises(LimiterUnavailableError):
            await limiter.acquire(request())
        await use(limiter)


@in_virtual_time
async def test_a_borrowed_client_stays_open(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter() as limiter:
        await use(limiter)
    assert await fake_redis.redis.ping()


@in_virtual_time
async def test_closing_goes_on_while_other_clients_wait(fake_redis: FakeRedis) -> None:
    limiter = fake_redis.limiter(1)
    permit = await limiter.acquire(request())
    waiting = asyncio.create_task(limiter.acquire(request()))
    await asyncio.sleep(0.1)
    await limiter.aclose()
    limiter.release(permit)
    limiter.release(await waiting)
    await limiter.aclose()


@in_virtual_time
async def test_closing_gives_back_what_nobody_uses(fake_redis: FakeRedis) -> None:
    fake_redis.round_trip = 0.2
    limiter = fake_redis.limiter(1)
    waiting = asyncio.create_task(limiter.acquire(request()))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await limiter.aclose()
    assert await fake_redis.permits() == 0
    assert limiter.in_flight == 0


@in_virtual_time
async def test_a_permit_that_comes_with_a_cancellation_goes_to_the_next(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(1) as limiter:
        first = asyncio.create_task(limiter.acquire(request()))
        for _ in range(100):
            if limiter.in_flight:
                break
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        assert limiter.is_free()
        calls = fake_redis.calls
        limiter.release(await limiter.acquire(request()))
        assert fake_redis.calls == calls


@in_virtual_time
async def test_a_permit_is_given_back_once(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(2) as limiter:
        permit = await limiter.acquire(request())
        limiter.release(permit)
        await asyncio.sleep(0.5)
        limiter.release(permit)
        limiter.throttled(permit, 3600.0)
        assert await fake_redis.permits() == 1
        await use(limiter)
    limiter.release(permit)
    limiter.throttled(permit, 3600.0)
    assert limiter.in_flight == 0


@in_virtual_time
async def test_a_task_that_was_cancelled_with_all_others_comes_back_with_a_request(
    fake_redis: FakeRedis,
) -> None:
    async with fake_redis.limiter(2) as limiter:
        permit = await limiter.acquire(request())
        waiting = [asyncio.create_task(limiter.acquire(request())) for _ in range(2)]
        await asyncio.sleep(0.1)
        [polling] = asyncio.all_tasks() - {asyncio.current_task(), *waiting}
        # As `asyncio.run` does at its end.
        polling.cancel()
        for task in waiting:
            task.cancel()
        await asyncio.wait([polling, *waiting])
        limiter.release(permit)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        limiter.release(waiting[0].result())
        await use(limiter)


@in_virtual_time
async def test_a_request_that_waits_survives_the_end_of_the_polling(fake_redis: FakeRedis) -> None:
    async with fake_redis.limiter(1) as limiter:
        permit = await limiter.acquire(request())
        waiting = asyncio.create_task(limiter.acquire(request()))
        await asyncio.sleep(0.1)
        [polling] = asyncio.all_tasks() - {asyncio.current_task(), waiting}
        polling.cancel()
        await asyncio.wait([polling])
        limiter.release(permit)
        limiter.release(await waiting)


def test_it_belongs_to_one_event_loop_at_a_time(connections: Connections) -> None:
    limiter = RedisLimiter(URL, ACCOUNT, limit=RateLimit(2, 60.0))
    with asyncio.Runner() as runner, asyncio.Runner() as other:
        permit = runner.run(_acquire(limiter))
        with pytest.raises(EventLoopError):
            other.run(_acquire(limiter))
        # Closed from elsewhere it stays as it is.
        other.run(limiter.aclose())
        assert limiter.in_flight == 1
    # Its loop is closed: the permit is given back, and that of another loop is of no use any more.
    with asyncio.Runner() as runner:
        runner.run(use(limiter))
        assert limiter.in_flight == 0
        limiter.release(permit)
        limiter.throttled(permit, None)
        runner.run(limiter.aclose())


async def _acquire(limiter: RedisLimiter) -> Any:
    return await limiter.acquire(request())


def test_a_fork_has_its_own_connection_and_permits(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = RedisLimiter(URL, ACCOUNT)
    with asyncio.Runner() as runner:
        of_parent = runner.run(_acquire(limiter))
        monkeypatch.setattr(os, "getpid", lambda: 1)
        of_child = runner.run(_acquire(limiter))
        assert len(connections.urls) == 2
        limiter.release(of_parent)
        assert limiter.in_flight == 1
        limiter.release(of_child)
        runner.run(limiter.aclose())
        # Forked again, while it is closed.
        monkeypatch.setattr(os, "getpid", lambda: 2)
        runner.run(use(limiter))
        runner.run(limiter.aclose())
        assert connections.closed == 2


@in_virtual_time
async def test_a_fork_cannot_use_a_borrowed_client(fake_redis: FakeRedis) -> None:
    limiter = fake_redis.limiter()
    await use(limiter)
    await limiter.aclose()
    pid = os.getpid
    try:
        os.getpid = lambda: 1
        with pytest.raises(ForkedError):
            await limiter.acquire(request())
    finally:
        os.getpid = pid
