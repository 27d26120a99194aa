"""`plivo-async export`: write the records of many calls to a file or a pipe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from attrs import evolve

from plivo_async.cli.client import ConnectionOptions, connection_options
from plivo_async.cli.exit_codes import EXPORT_EXIT_CODE_HELP, ExitCode
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.export.run import run_export
from plivo_async.cli.export.run_options import run_options
from plivo_async.cli.span_options import CallSelection, selection_options, take_selection


@click.command(epilog=EXPORT_EXIT_CODE_HELP)
@click.argument("call_uuids", metavar="[CALL_UUID]...", nargs=-1)
@click.option(
    "-i",
    "--input",
    "inputs",
    type=click.Path(),
    multiple=True,
    help="A file of call UUIDs, or - for stdin. May be repeated.  [default: stdin if piped]",
)
@click.option(
    "--column",
    metavar="NAME",
    help="Read CSV: the column with the call UUIDs, by its name, or by its number in a file without a "
    "header.",
)
@click.option(
    "--key",
    metavar="NAME",
    help="Read JSON: the key with the call UUIDs. event.CallUUID is a key of an inner object.",
)
@click.option(
    "-o", "--output", type=click.Path(), help="The file for the records, or - for stdout.  [default: -]"
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["ndjson", "csv"]),
    help="The form of the output. SIP-trunk calls are ndjson only.  "
    "[default: csv for a file named .csv, else ndjson]",
)
@click.option("--safe-csv", is_flag=True, help="Write CSV in which no text is a formula, for spreadsheets.")
@click.option(
    "--failed",
    type=click.Path(),
    help="The file for calls that failed.  [default: OUTPUT.failed, or stderr if OUTPUT is -]",
)
@selection_options
@click.option("--resume", is_flag=True, help="Continue OUTPUT: fetch the records that it lacks.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT and its failed file if they exist.")
@run_options
@connection_options
@click.pass_context
def export(context: click.Context, /, options: ConnectionOptions, **given: Any) -> ExitCode:
    """Fetch the records of many calls into a file.

    Call UUIDs are read from arguments, a file or stdin: lines of text, a column of CSV, or a key of JSON,
    also in gzip. With --since, the calls that ended in a span of time are exported instead. Each record is
    written when it arrives, so the records are not in the order of the call UUIDs. A repeated call UUID is
    fetched once.

    A 429 or an outage fails no call: the export waits, sends single probes and goes on when one succeeds.

    After a kill at any moment, the same command with --resume continues: it reads OUTPUT, removes an
    incomplete last line, and fetches the records that are missing. OUTPUT.failed lists the calls that failed,
    with the reason; plivo-async retry OUTPUT fetches them with the same options. Without --resume or
    --overwrite an existing OUTPUT is never changed.

    \b
    Examples:
      plivo-async export -i ids.txt -o calls.ndjson
      plivo-async export -i ids.txt -o calls.ndjson --resume
      plivo-async export -i report.csv --column call_uuid -o calls.csv
      plivo-async export --since 7d -o calls.ndjson
      plivo-async export --since 2026-11-01 --zone Asia/Kolkata -o november.csv
      plivo-async retry calls.ndjson
      psql -Atc 'select id from calls' | plivo-async export | jq .total_amount

    An option overrides its environment variable, which overrides the default. To try it without an account,
    run plivo-async demo.
    """
    selection = take_selection(given, datetime.now(UTC))
    export_options = ExportOptions(**given, selection=_span(selection))
    return run_export(options, export_options, context.obj)


def _span(selection: CallSelection) -> CallSelection | None:
    """Return the selection with both bounds; None if there is none.

    Raises:
        UsageError: There is a filter or an end, but no begin.
    """
    if selection.since is not None:
        return evolve(selection, until=selection.until or datetime.now(UTC))
    if selection.until is not None or selection.filters or selection.is_trunk:
        raise click.UsageError("--until, --trunk and the filters need --since, for example --since 7d")
    return None
