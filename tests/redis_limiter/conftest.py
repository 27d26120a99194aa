from tests.redis_limiter.fake_redis import fake_redis

__all__ = ["fake_redis"]
