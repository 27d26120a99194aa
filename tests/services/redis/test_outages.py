"""What a real Redis server can do to a limiter. Its clock and its memory are tried on a fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
import redis
from redis.asyncio import Redis, RedisCluster

from plivo_async import LimiterUnavailableError, RateLimit
from plivo_async.redis import RedisLimiter
from tests.services.redis_server import RedisServer, free_port

ACCOUNT = "MA2025RK4E639VJFZAGV"
REQUEST = httpx.Request("GET", "https://api.plivo.com/")
# Ends a hang; it decides no test.
PATIENCE_SECONDS = 30.0


@pytest.fixture
async def limiter(redis_server: RedisServer) -> AsyncGenerator[RedisLimiter, None]:
    """A limiter that has just been used, and is used again at the end."""
    async with RedisLimiter(redis_server.url, ACCOUNT, limit=RateLimit(10, 0.1), timeout=0.5) as limiter:
        await use(limiter)
        yield limiter
        await use(limiter)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def use(limiter: RedisLimiter) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        limiter.release(await limiter.acquire(REQUEST))


async def failure_of(limiter: RedisLimiter) -> LimiterUnavailableError:
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(LimiterUnavailableError) as raised:
            # The connection may last a moment longer than the server.
            for _ in range(100):
                await use(limiter)
                await asyncio.sleep(0.05)
    return raised.value


async def test_a_server_that_hangs(limiter: RedisLimiter, redis_server: RedisServer) -> None:
    redis_server.hang()
    assert f"no reply within 0.5 s (redis://127.0.0.1:{redis_server.port}" in str(await failure_of(limiter))
    redis_server.resume()


async def test_a_server_that_is_gone_and_comes_back_empty(
    limiter: RedisLimiter, redis_server: RedisServer
) -> None:
    redis_server.stop()
    assert "ConnectionError" in str(await failure_of(limiter))
    redis_server.start()


async def test_a_server_that_is_replaced_between_two_calls(
    limiter: RedisLimiter, redis_server: RedisServer
) -> None:
    redis_server.stop()
    redis_server.start()
    await use(limiter)


async def test_a_server_without_memory(limiter: RedisLimiter, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as admin:
        admin.config_set("maxmemory", 1)
        assert "OutOfMemory" in str(await failure_of(limiter))
        admin.config_set("maxmemory", 0)


async def test_a_replica_that_takes_no_writes(limiter: RedisLimiter, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as admin:
        # Of a master that does not exist.
        admin.replicaof("127.0.0.1", "1")
        assert "ReadOnlyError" in str(await failure_of(limiter))
        admin.replicaof("NO", "ONE")


async def test_a_script_that_was_flushed(limiter: RedisLimiter, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as admin:
        admin.script_flush()
        await use(limiter)


async def test_a_key_of_another_type(limiter: RedisLimiter, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as admin:
        name = f"plivo_async:{{{ACCOUNT}}}:permits"
        admin.delete(name)
        admin.set(name, "x")
        assert "WRONGTYPE" in str(await failure_of(limiter))
        admin.delete(name)


async def test_a_wrong_password(tmp_path: Path) -> None:
    with RedisServer(tmp_path, password="right") as server:
        async with RedisLimiter(server.url, ACCOUNT) as right:
            await use(right)
        for url in (server.url.replace("right", "wr0ng"), server.url.replace(":right@", "")):
            async with RedisLimiter(url, ACCOUNT) as wrong:
                error = await failure_of(wrong)
                assert "wr0ng" not in f"{error!r} {error} {wrong!r}"
                assert not error.retryable


async def test_a_cluster(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port())) as server:
        with redis.Redis.from_url(server.url) as admin:
            admin.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            for _ in range(1000):
                if "cluster_state:ok" in str(admin.execute_command("CLUSTER", "INFO")):
                    break
                await asyncio.sleep(0.02)
        cluster = RedisCluster.from_url(server.url)
        async with cluster, RedisLimiter(cluster, ACCOUNT) as limiter:
            await use(limiter)
            await use(limiter)


async def test_keys_expire_and_a_client_of_the_users_stays_open(redis_server: RedisServer) -> None:
    client = Redis.from_url(redis_server.url, decode_responses=True)
    async with client, RedisLimiter(client, ACCOUNT) as limiter:
        await use(limiter)
        await limiter.aclose()
        names = await client.keys()
        assert len(names) == 2
        assert all([0 < await client.ttl(name) <= 7200 for name in names])
