"""`plivo-async export`: write the records of many calls to a file or a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click

from plivo_async.cli.client import ConnectionOptions, connection_options, open_client
from plivo_async.cli.event_loop import run_loop
from plivo_async.cli.exit_codes import EXPORT_EXIT_CODE_HELP, ExitCode
from plivo_async.cli.export.exporter import Exporter
from plivo_async.cli.export.files import open_files
from plivo_async.cli.export.id_parser import InputError
from plivo_async.cli.export.max_wait_option import to_patience
from plivo_async.cli.export.options import ExportOptions, resume_command, retry_command
from plivo_async.cli.export.progress import choose_display
from plivo_async.cli.output import (
    counted,
    print_table,
    report,
    write,
)
from plivo_async.cli.rate_option import to_rate
from plivo_async.cli.streams import write_to_stderr
from plivo_async.cli.summary_table import summary_tables
from plivo_async.middleware.window_limiter import SlidingWindowLimiter
from plivo_async.resources.batch import DEFAULT_CONCURRENCY
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS


@click.command(epilog=EXPORT_EXIT_CODE_HELP)
@click.argument("call_uuids", metavar="[CALL_UUID]...", nargs=-1)
@click.option(
    "-i",
    "--input",
    "inputs",
    type=click.Path(),
    multiple=True,
    help="A file of call UUIDs, - for stdin; may be repeated.  [default: stdin if piped]",
)
@click.option("--column", metavar="NAME", help="Read CSV; this column has the ids.")
@click.option("--key", metavar="NAME", help="Read NDJSON; this key has the ids.")
@click.option(
    "-o", "--output", type=click.Path(), help="The file for the records, - for stdout.  [default: -]"
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["ndjson", "csv"]),
    help="[default: csv for a file named .csv, else ndjson]",
)
@click.option(
    "--failed",
    type=click.Path(),
    help="The file for calls that failed.  [default: OUTPUT.failed, or stderr if OUTPUT is -]",
)
@click.option("--resume", is_flag=True, help="Continue OUTPUT: fetch the records it lacks.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option(
    "--rate",
    callback=to_rate,
    default="300/5",
    metavar="RATE",
    envvar="PLIVO_ASYNC_RATE",
    show_default=True,
    show_envvar=True,
    help="The rate limit: REQUESTS/SECONDS, a number per second, or none for no limit.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_CONCURRENCY,
    metavar="NUMBER",
    envvar="PLIVO_ASYNC_CONCURRENCY",
    show_default=True,
    show_envvar=True,
    help="The number of calls in progress at once.",
)
@click.option(
    "--max-wait",
    "patience",
    callback=to_patience,
    default=f"{DEFAULT_PATIENCE_SECONDS:g}",
    metavar="SECONDS",
    envvar="PLIVO_ASYNC_MAX_WAIT",
    show_default=True,
    show_envvar=True,
    help="End the export if the rate limit, a 429 or an outage lets nobody send for longer, or none.",
)
@click.option(
    "--summary",
    type=click.Choice(["table", "json", "none"]),
    default="table",
    show_default=True,
    help="The summary: a table on stderr, or a line of json on stdout (on stderr if OUTPUT is -).",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress and no table.")
@connection_options
@click.pass_context
def export(context: click.Context, /, options: ConnectionOptions, **given: Any) -> ExitCode:
    """Fetch the records of many calls into a file, within the rate limit of the account.

    Call UUIDs are read from arguments, a file or stdin: one per line, a column of CSV, or a key of NDJSON.
    Each record is written when it arrives, so the records are not in the order of the ids. A repeated id is
    fetched once.

    A 429 or an outage fails no call: the export waits, sends single probes and goes on when one succeeds.

    After a kill at any moment, the same command with --resume continues: it reads OUTPUT, removes an
    incomplete last line, and fetches the records that are missing. OUTPUT.failed lists the calls that failed,
    with the reason.

    \b
    Examples:
      plivo-async export -i ids.txt -o calls.ndjson
      plivo-async export -i ids.txt -o calls.ndjson --resume
      plivo-async export -i report.csv --column call_uuid -o calls.csv
      plivo-async export -i calls.ndjson.failed --key call_uuid -o calls.ndjson --resume
      psql -Atc 'select call_uuid from calls' | plivo-async export | jq .total_amount

    \b
    An option overrides its environment variable, which overrides the default.
    To try it without an account: plivo-async demo, plivo-async fake --help
    """
    export_options = ExportOptions(**given)
    limiter = None if export_options.rate is None else SlidingWindowLimiter(export_options.rate)
    connections = max(100, export_options.concurrency)
    with ExitStack() as stack:
        opened = stack.enter_context(open_client(options, rate_limit=limiter, max_connections=connections))
        files = open_files(export_options, opened.sample_ids, stack)
        exporter = Exporter(
            files,
            export_options.concurrency,
            export_options.patience,
            None if export_options.rate is None else export_options.rate.requests / export_options.rate.per,
        )
        shares_terminal = export_options.path is None and sys.stdout.isatty()
        display = choose_display(quiet=export_options.quiet, shares_terminal=shares_terminal)
        run_loop(exporter.export(opened.client, display))
    return _conclude(exporter, export_options, context.obj)


def _conclude(exporter: Exporter, options: ExportOptions, arguments: Sequence[str]) -> ExitCode:
    """Report the result and the command that continues.

    Raises:
        ClickException: A file ended the export.
        PlivoError: An error of the client ended the export.
    """
    run, path, failed_path = exporter.run, options.path, options.failed_path
    keeps_old = exporter.files.output.keeps_old_content
    run.output = None if path is None else str(path)
    run.failed_file = str(failed_path) if run.failed and failed_path is not None else None
    _write_summary(exporter, options)
    if run.failed and failed_path is not None:
        again = "" if path is None or keeps_old else f"; to retry them: {retry_command(failed_path, path)}"
        report(f"{counted(run.failed, 'call')} failed, see {failed_path}{again}")
    if keeps_old:
        report(f"{path} was not replaced, because there is no new record")
    ended_by = exporter.ended_by
    if ended_by is None:
        return ExitCode.WITH_FAILURES if run.failed else ExitCode.OK
    if not exporter.files.output.is_file:
        how = "an export to a pipe cannot be resumed, one to a file (-o) can"
    else:
        corrected = ", once the input is corrected" if isinstance(ended_by, InputError) else ""
        same = ", with the same ids on stdin" if options.reads_stdin else ""
        how = f"to continue: {resume_command(arguments, from_start=keeps_old)}{same}{corrected}"
    report(f"stopped after {counted(run.written, 'record')}; {how}")
    if isinstance(ended_by, ExitCode):
        return ended_by
    raise ended_by


def _write_summary(exporter: Exporter, options: ExportOptions) -> None:
    if options.summary == "json":
        line = json.dumps({**exporter.run.to_dict(), **exporter.files.summary.to_dict()})
        # Keep stdout for the records if they are written there.
        if options.path is None:
            write_to_stderr(line + "\n")
        else:
            write(line + "\n")
    elif options.summary == "table" and not options.quiet:
        print_table(summary_tables(exporter.files.summary, exporter.run))
