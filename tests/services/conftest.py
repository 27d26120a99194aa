from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.redis_server import RedisServer


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server of this test, empty, on a loopback port: `redis_server.url`."""
    # Not in the test's tmp_path, which belongs to the test.
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server
