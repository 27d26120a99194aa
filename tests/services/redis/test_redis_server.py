"""The server that the tests of other programs start."""

from __future__ import annotations

import redis

from tests.services.redis_server import RedisServer


def test_it_begins_empty_again_on_the_same_port(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("key", "value")
    redis_server.stop()
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.dbsize() == 0
