"""The options of the commands that send many requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from plivo_async.cli.limiter_option import limiter_account_option, limiter_option
from plivo_async.cli.max_wait_option import to_patience
from plivo_async.cli.rate_option import to_rate
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS

F = TypeVar("F", bound=Callable[..., object])

rate_option = click.option(
    "--rate",
    callback=to_rate,
    default="300/5",
    metavar="RATE",
    envvar="PLIVO_ASYNC_RATE",
    show_default=True,
    show_envvar=True,
    help="The rate limit: 300/5 for 300 requests in any 5 seconds, 60 for 60 a second, or none.",
)
max_wait_option = click.option(
    "--max-wait",
    "patience",
    callback=to_patience,
    default=f"{DEFAULT_PATIENCE_SECONDS:g}",
    metavar="SECONDS",
    envvar="PLIVO_ASYNC_MAX_WAIT",
    show_default=True,
    show_envvar=True,
    help="The longest wait in seconds while the rate limit, a 429 or an outage stops all requests; none for "
    "no limit. A longer one ends the command.",
)


def transfer_options(command: F) -> F:
    """Add the options of a transfer to a click command.

    It receives `--rate`, `--limiter`, `--limiter-account` and `--max-wait` as `rate`, `limiter`,
    `limiter_account` and `patience`.
    """
    return rate_option(limiter_option(limiter_account_option(max_wait_option(command))))
