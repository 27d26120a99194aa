"""`plivo-async sync`: bring a file or a database up to date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from plivo_async.cli.client import ConnectionOptions, connection_options
from plivo_async.cli.exit_codes import SYNC_EXIT_CODE_HELP, ExitCode
from plivo_async.cli.sync.options import SyncOptions
from plivo_async.cli.time_text import TimeTextError, parse_length
from plivo_async.cli.transfer_options import transfer_options


def to_length(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    """Parse a length of time such as `6h` (a callback for click).

    Raises:
        BadParameter: The value has another form.
    """
    try:
        return parse_length(value)
    except TimeTextError as error:
        raise click.BadParameter(str(error)) from None


@click.command(epilog=SYNC_EXIT_CODE_HELP)
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option(
    "--look-back",
    callback=to_length,
    default="6h",
    metavar="TIME",
    envvar="PLIVO_ASYNC_LOOK_BACK",
    show_default=True,
    show_envvar=True,
    help="How late a record may be written or corrected: 90m, 6h, 7d or 2w, at most 90d. Each run asks again "
    "for the calls of this time.",
)
@click.option(
    "--failed", type=click.Path(), help="The file for rows that cannot be read.  [default: FILE.failed]"
)
@click.option("--trunk", is_flag=True, help="SIP-trunk calls. Plivo has a separate list of them. Not in CSV.")
@transfer_options
@click.option(
    "--summary",
    type=click.Choice(["table", "json", "none"]),
    default="table",
    show_default=True,
    help="The summary at the end: a table on stderr, or a line of JSON on stdout.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress and no table. Errors are shown.")
@connection_options
def sync(options: ConnectionOptions, **given: Any) -> ExitCode:
    """Bring a file or a database up to date.

    The first run fetches all calls that Plivo keeps: those of 90 days. Later runs fetch the calls that have
    ended since. FILE is a database (.db, .sqlite, .sqlite3) or a file of lines (.ndjson, .jsonl, .csv). It
    has each call once, with its newest record.

    Run it as often as you like, for example from cron. After a kill at any moment, run it again: nothing is
    lost or doubled. A second sync into FILE at the same time is refused.

    FILE.sync, beside a file of lines, stores how far that is up to date. A database stores this itself.
    FILE.failed has the rows that cannot be read.

    \b
    Examples:
      plivo-async sync calls.db
      plivo-async sync calls.ndjson --summary json
      plivo-async sync calls.db --look-back 30d

    An option overrides its environment variable, which overrides the default.
    """
    # Imported late: the other commands do not need SQLite.
    from plivo_async.cli.sync.run import run_sync

    return run_sync(options, SyncOptions(**given))
