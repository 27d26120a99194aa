"""One rate limit over many processes, kept on a Redis server. Needs the extra `redis`."""

from __future__ import annotations

try:
    import redis as _redis
except ImportError:
    raise ImportError('the rate limit on Redis needs redis-py: pip install "plivo-async[redis]"') from None

from plivo_async.redis.ledger import Permit
from plivo_async.redis.limiter import RedisLimiter
from plivo_async.redis.store import RedisClient

__all__ = ["Permit", "RedisClient", "RedisLimiter"]

del _redis
