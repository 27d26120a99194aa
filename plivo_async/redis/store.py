"""PermitStore: runs the script on Redis, within a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha1
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from redis import Redis as BlockingRedis
from redis import RedisCluster as BlockingRedisCluster
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from plivo_async.errors import ConfigurationError, LimiterUnavailableError
from plivo_async.exported import exported
from plivo_async.redis.script import SCRIPT
from plivo_async.secret import Secret
from plivo_async.text import printable

_SCHEMES = frozenset({"redis", "rediss", "unix"})
_SHA: Final = sha1(SCRIPT.encode("ascii"), usedforsecurity=False).hexdigest()
_REFUSALS = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.NoPermissionError,
)

Reply: TypeAlias = Sequence[Any]

# The connections that a forked process has of its parent, never to be collected: uvloop would take their
# sockets out of the epoll object, which the parent still uses.
_clients_of_parents: list[Redis] = []


@exported
class RedisClient(Protocol):
    """The methods of a `redis.asyncio.Redis` or `RedisCluster` that the limiter calls."""

    def evalsha(self, sha: str, numkeys: int, /, *keys_and_args: Any) -> Any:
        """Run a script that Redis knows.

        Args:
            sha: The SHA-1 of the script, in hexadecimal.
            numkeys: How many of the arguments are keys.
            *keys_and_args: The keys, then the arguments.
        """
        ...

    def eval(self, script: str, numkeys: int, /, *keys_and_args: Any) -> Any:
        """Run a script, which Redis knows afterwards.

        Args:
            script: The script, in Lua.
            numkeys: How many of the arguments are keys.
            *keys_and_args: The keys, then the arguments.
        """
        ...


class PermitStore:
    """Runs the script on the server of a URL, or through a client that is borrowed and never closed.

    Args:
        server: The URL or the client.
        timeout: Seconds that a call may take, with the connection.

    Raises:
        ConfigurationError: Neither a URL of Redis nor a client of `redis.asyncio`.

    Attributes:
        is_borrowed: Whether the client is the user's.
    """

    def __init__(self, server: str | RedisClient, timeout: float) -> None:
        self._url = Secret(server if isinstance(server, str) else None)
        self._timeout = timeout
        self._own: Redis | None = None
        self._client: RedisClient | None = None
        self.is_borrowed: bool = not isinstance(server, str)
        if isinstance(server, str):
            self._name = _safe_url(self._url)
            self._connect()
        else:
            _check_client(server)
            self._client, self._name = server, type(server).__name__

    async def run(self, keys: Sequence[str], arguments: Sequence[str | int]) -> Reply:
        """Run the script.

        Raises:
            LimiterUnavailableError: There is no reply in time, or Redis refused the call.
        """
        problem, is_permanent = "", False
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await self._run(keys, arguments)
                except _REFUSALS:
                    raise
                except (exceptions.ConnectionError, exceptions.ReadOnlyError):
                    # The server was replaced since the last call. If it has run this one, it knows that.
                    await self.aclose()
                    return await self._run(keys, arguments)
        except TimeoutError:
            problem = f"no reply within {self._timeout:g} s"
        except (exceptions.RedisError, OSError) as error:
            problem = f"{type(error).__name__}: {printable(str(error))}"
            is_permanent = isinstance(error, _REFUSALS)
        await self.aclose()
        if not self.is_borrowed and not _names(problem, self._name):
            problem = f"{problem} ({self._name})"
        # Raised out here, where no exception whose frames hold the password becomes its context.
        raise LimiterUnavailableError(
            f"the rate limiter's Redis cannot be used: {problem}", is_permanent=is_permanent
        )

    async def _run(self, keys: Sequence[str], arguments: Sequence[str | int]) -> Reply:
        client = self._client or self._connect()
        reply: Reply
        try:
            reply = await client.evalsha(_SHA, len(keys), *keys, *arguments)
        except exceptions.NoScriptError:
            reply = await client.eval(SCRIPT, len(keys), *keys, *arguments)
        return reply

    def _connect(self) -> RedisClient:
        own = None
        with suppress(ValueError, TypeError):
            client: Redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
                str(self._url.value),
                socket_timeout=None,
                socket_connect_timeout=self._timeout,
                # The call is repeated here, once.
                retry=Retry(NoBackoff(), 0),
            )
            # An option that no connection knows is noticed when it is made.
            client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
            own = client
        if own is None:
            raise _unusable()
        self._own = self._client = own
        return own

    async def aclose(self) -> None:
        """Close the connection, if it is not borrowed. The next call opens another."""
        own = self._own
        self.drop()
        if own is not None:
            # A server that hangs does not end TLS.
            with suppress(exceptions.RedisError, OSError):
                async with asyncio.timeout(self._timeout):
                    await own.aclose()

    def drop(self) -> None:
        """Forget the connection, whose event loop is closed."""
        if self._own is not None:
            self._own = self._client = None

    def leave_to_parent(self) -> None:
        """Forget the connection, which is that of the parent process."""
        if self._own is not None:
            _clients_of_parents.append(self._own)
        self.drop()

    def __repr__(self) -> str:
        return self._name


def _safe_url(url: Secret) -> str:
    """Return a URL without user, password and query.

    Raises:
        ConfigurationError: It is not a URL, or has another scheme.
    """
    with suppress(ValueError):
        parts = urlsplit(str(url.value))
        if parts.scheme in _SCHEMES:
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    raise _unusable()


def _check_client(client: object) -> None:
    """Refuse anything but a client of `redis.asyncio`, before a call takes it for an outage.

    Raises:
        ConfigurationError: It has not the methods that are used, or they are those of the client that blocks.
    """
    kind = type(client)
    blocks = isinstance(client, BlockingRedis | BlockingRedisCluster)
    if blocks or not all(callable(getattr(client, name, None)) for name in ("evalsha", "eval")):
        raise ConfigurationError(
            "the limiter's Redis must be a URL or a client of redis.asyncio, "
            f"not {kind.__module__}.{kind.__qualname__}"
        )


def _names(problem: str, url: str) -> bool:
    """Whether a message has the server of a URL."""
    parts = urlsplit(url)
    place = parts.hostname or parts.path
    return bool(place) and place in problem.lower()


def _unusable() -> ConfigurationError:
    return ConfigurationError("the limiter's Redis must be a URL: redis://, rediss:// or unix://")
