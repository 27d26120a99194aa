"""`plivo-async export`: the records of many calls, into a file or a pipe."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click

from plivo_async.cli.client import ConnectionOptions, connection_options, open_client
from plivo_async.cli.exit_codes import EXPORT_EXIT_CODE_HELP, ExitCode
from plivo_async.cli.export.exporter import Exporter
from plivo_async.cli.export.files import open_files
from plivo_async.cli.export.options import ExportOptions, resuming, trying_again
from plivo_async.cli.export.progress import display
from plivo_async.cli.output import (
    counted,
    print_table,
    report,
    write,
)
from plivo_async.cli.rate_option import to_rate
from plivo_async.cli.summary_table import summary_tables
from plivo_async.middleware.window_limiter import SlidingWindowLimiter
from plivo_async.resources.batch import DEFAULT_CONCURRENCY


@click.command(epilog=EXPORT_EXIT_CODE_HELP)
@click.argument("call_uuids", metavar="[CALL_UUID]...", nargs=-1)
@click.option(
    "-i", "--input", type=click.Path(), help="A file of call UUIDs, - for stdin.  [default: stdin if piped]"
)
@click.option("--column", metavar="NAME", help="The input is CSV; this column holds the ids.")
@click.option("--key", metavar="NAME", help="The input is NDJSON; this key holds the ids.")
@click.option("-o", "--output", type=click.Path(), help="Where the records go, - for stdout.  [default: -]")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["ndjson", "csv"]),
    help="[default: csv for a file named .csv, else ndjson]",
)
@click.option(
    "--failed",
    type=click.Path(),
    help="Where the calls that failed go.  [default: OUTPUT.failed, or a line each on stderr]",
)
@click.option("--resume", is_flag=True, help="Go on with OUTPUT: fetch what it does not hold yet.")
@click.option("--overwrite", is_flag=True, help="Begin anew where OUTPUT exists.")
@click.option(
    "--rate",
    callback=to_rate,
    default="300/5",
    metavar="RATE",
    envvar="PLIVO_ASYNC_RATE",
    show_default=True,
    show_envvar=True,
    help="What may be sent: REQUESTS/SECONDS, a number a second, or none for no limit.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_CONCURRENCY,
    metavar="NUMBER",
    envvar="PLIVO_ASYNC_CONCURRENCY",
    show_default=True,
    show_envvar=True,
    help="How many calls may be under way.",
)
@click.option(
    "--summary",
    type=click.Choice(["table", "json", "none"]),
    default="table",
    show_default=True,
    help="What is told at the end: table on stderr; json as a line on stdout, on stderr if records go there.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress, and no table at the end.")
@connection_options
@click.pass_context
def export(context: click.Context, /, options: ConnectionOptions, **given: Any) -> ExitCode:
    """Fetch the records of many calls into a file, at the pace that the account allows.

    Ids come from arguments, a file or stdin: plain lines, or a column of CSV, or a key of NDJSON. Records are
    written as they arrive, so their order is not that of the ids. An id that comes twice is fetched once.

    Killed at any moment, the same command with --resume goes on where it was: OUTPUT itself says what is
    done, and a last line cut short is repaired. Calls that failed are in OUTPUT.failed with the reason.

    \b
    Examples:
      plivo-async export -i ids.txt -o calls.ndjson
      plivo-async export -i ids.txt -o calls.ndjson --resume
      plivo-async export -i report.csv --column call_uuid -o calls.csv
      plivo-async export -i calls.ndjson.failed --key call_uuid -o calls.ndjson --resume
      psql -Atc 'select call_uuid from calls' | plivo-async export | jq .total_amount

    \b
    What counts: an option, then its environment variable, then the default.
    Without an account at hand, see: plivo-async fake --help, plivo-async demo
    """
    wanted = ExportOptions(**given)
    limiter = None if wanted.rate is None else SlidingWindowLimiter(wanted.rate)
    connections = max(100, wanted.concurrency)
    with ExitStack() as stack:
        session = stack.enter_context(open_client(options, rate_limit=limiter, max_connections=connections))
        files = open_files(wanted, session.sample_ids, stack)
        exporter = Exporter(files, limiter, wanted.concurrency)
        shares_terminal = wanted.path is None and sys.stdout.isatty()
        shown_on = display(quiet=wanted.quiet, shares_terminal=shares_terminal)
        asyncio.run(exporter.export(session.client, shown_on))
    return _conclude(exporter, wanted, context.obj)


def _conclude(exporter: Exporter, wanted: ExportOptions, arguments: Sequence[str]) -> ExitCode:
    """Tell how it went, and how to go on.

    Raises: what ended it.
    """
    run, path, failed_path = exporter.run, wanted.path, wanted.failed_path
    _write_summary(exporter, wanted)
    if run.failed and failed_path is not None:
        again = "" if path is None else f"; to try them again: {trying_again(failed_path, path)}"
        report(f"{counted(run.failed, 'call')} failed, see {failed_path}{again}")
    ended_by = exporter.ended_by
    if ended_by is None:
        return ExitCode.WITH_FAILURES if run.failed else ExitCode.OK
    if not exporter.files.output.is_file:
        how = "what went to a pipe cannot be resumed, a file named with -o can"
    else:
        same = ", with the same ids on stdin" if wanted.reads_stdin else ""
        how = f"to go on: {resuming(arguments)}{same}"
    report(f"stopped after {counted(run.written, 'record')}; {how}")
    if isinstance(ended_by, ExitCode):
        return ended_by
    raise ended_by


def _write_summary(exporter: Exporter, wanted: ExportOptions) -> None:
    if wanted.summary == "json":
        line = json.dumps({**exporter.run.to_dict(), **exporter.files.summary.to_dict()})
        # stdout is for records where they go there.
        if wanted.path is None:
            click.echo(line, err=True)
        else:
            write(line + "\n")
    elif wanted.summary == "table" and not wanted.quiet:
        print_table(summary_tables(exporter.files.summary, exporter.run))
