"""The options of a run, which `export` and `retry` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from plivo_async.cli.export.max_wait_option import to_patience
from plivo_async.cli.rate_option import to_rate
from plivo_async.resources.batch import DEFAULT_CONCURRENCY
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS

F = TypeVar("F", bound=Callable[..., object])

_OPTIONS = (
    click.option(
        "--rate",
        callback=to_rate,
        default="300/5",
        metavar="RATE",
        envvar="PLIVO_ASYNC_RATE",
        show_default=True,
        show_envvar=True,
        help="The rate limit: REQUESTS/SECONDS, a number per second, or none for no limit.",
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 10_000),
        default=DEFAULT_CONCURRENCY,
        metavar="NUMBER",
        envvar="PLIVO_ASYNC_CONCURRENCY",
        show_default=True,
        show_envvar=True,
        help="The number of calls in progress at once.",
    ),
    click.option(
        "--max-wait",
        "patience",
        callback=to_patience,
        default=f"{DEFAULT_PATIENCE_SECONDS:g}",
        metavar="SECONDS",
        envvar="PLIVO_ASYNC_MAX_WAIT",
        show_default=True,
        show_envvar=True,
        help="End the export if the rate limit, a 429 or an outage lets nobody send for longer, or none.",
    ),
    click.option(
        "--summary",
        type=click.Choice(["table", "json", "none"]),
        default="table",
        show_default=True,
        help="The summary: a table on stderr, or a line of json on stdout (on stderr if OUTPUT is -).",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Show no progress and no table."),
)


def run_options(command: F) -> F:
    """Add the options of a run to a click command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
