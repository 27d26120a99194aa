"""The options of a run, which `export` and `retry` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from plivo_async.cli.limiter_option import limiter_account_option, limiter_option
from plivo_async.cli.transfer_options import max_wait_option, rate_option
from plivo_async.resources.batch import DEFAULT_CONCURRENCY

F = TypeVar("F", bound=Callable[..., object])

_OPTIONS = (
    rate_option,
    limiter_option,
    limiter_account_option,
    click.option(
        "--concurrency",
        type=click.IntRange(1, 10_000),
        default=DEFAULT_CONCURRENCY,
        metavar="NUMBER",
        envvar="PLIVO_ASYNC_CONCURRENCY",
        show_default=True,
        show_envvar=True,
        help="The most calls in progress at once.",
    ),
    max_wait_option,
    click.option(
        "--summary",
        type=click.Choice(["table", "json", "none"]),
        default="table",
        show_default=True,
        help="The summary at the end: a table on stderr, or a line of JSON on stdout. If OUTPUT is -, "
        "the line goes to stderr.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Show no progress and no table. Errors are shown."),
)


def run_options(command: F) -> F:
    """Add the options of a run to a click command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
