"""The options that select a rate limiter: this process alone, or several by a Redis server."""

from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

import click

from plivo_async.cli.client import ConnectionOptions, uses_fake
from plivo_async.middleware.window_limiter import SlidingWindowLimiter
from plivo_async.rate_limit import RateLimit, RateLimiter

# The built-in fake has an account of its own.
_FAKE_ACCOUNT = "fake"

limiter_option = click.option(
    "--limiter",
    metavar="URL",
    envvar="PLIVO_ASYNC_LIMITER",
    show_envvar=True,
    help="A Redis server, such as redis://10.0.0.5. All processes that name it share the limit of --rate. If "
    "the URL has a password, use the variable. It needs the extra redis.",
)
limiter_account_option = click.option(
    "--limiter-account",
    metavar="AUTH_ID",
    envvar="PLIVO_ASYNC_LIMITER_ACCOUNT",
    show_envvar=True,
    help="The auth ID of the main account, for --limiter with the credentials of a subaccount.  "
    "[default: PLIVO_AUTH_ID]",
)


def make_limiter(
    rate: RateLimit | None, url: str | None, account: str | None, connection: ConnectionOptions
) -> RateLimiter | None:
    """Return the limiter that the options describe; None for none.

    Args:
        rate: The value of `--rate`.
        url: The value of `--limiter`.
        account: The value of `--limiter-account`.
        connection: The connection options.

    Raises:
        UsageError: Two options exclude each other, or the main account is not known.
        ClickException: The extra `redis` is not installed, or credentials are missing.
        ConfigurationError: The URL or the account cannot be used.
    """
    if url is None:
        return None if rate is None else SlidingWindowLimiter(rate)
    if rate is None:
        raise click.UsageError("--limiter needs a limit: --rate none excludes it")
    if account is None:
        account = _FAKE_ACCOUNT if uses_fake(connection, os.environ) else os.environ["PLIVO_AUTH_ID"]
        if account.startswith("SA"):
            raise click.UsageError(
                "PLIVO_AUTH_ID is a subaccount, which shares the limit of its main account: "
                "name the main account with --limiter-account"
            )
    try:
        from plivo_async.redis import RedisLimiter
    except ImportError:
        raise click.ClickException('--limiter needs redis-py: pip install "plivo-async[redis]"') from None
    return RedisLimiter(url, account, limit=rate)


def has_password(url: str) -> bool:
    """Whether a URL may have credentials in it; so may one that cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return "@" in parts.netloc or not {"username", "password"}.isdisjoint(parse_qs(parts.query))
