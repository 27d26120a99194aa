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
    help="The rate limit: REQUESTS/SECONDS, a number per second, or none for no limit.",
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
    help="End the command if the rate limit, a 429 or an outage lets nobody send for longer, or none.",
)


def transfer_options(command: F) -> F:
    """Add the options of a transfer to a click command.

    It receives `--rate`, `--limiter`, `--limiter-account` and `--max-wait` as `rate`, `limiter`,
    `limiter_account` and `patience`.
    """
    return rate_option(limiter_option(limiter_account_option(max_wait_option(command))))
