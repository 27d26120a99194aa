"""`plivo-async summarize`: counts and sums over the records in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, tzinfo
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, TypeAlias, cast

import click
from rich.console import RenderableType

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.export_reader import Left, read_export
from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.grouping import ALL_BY, By, Grouping
from plivo_async.cli.output import counted, default_format, print_table, report, write
from plivo_async.cli.reading import reading_back
from plivo_async.cli.report import ReportFormat, rendered_report
from plivo_async.cli.summary import Summary
from plivo_async.cli.summary_table import summary_tables
from plivo_async.cli.time_text import TimeTextError, find_zone
from plivo_async.record.model import CallDetailRecord

SummaryOutput: TypeAlias = Literal["table", "json", "html", "svg"]


def _to_zone(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tzinfo | None:
    try:
        return None if value is None else find_zone(value)
    except TimeTextError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("files", type=click.Path(), metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--by",
    type=click.Choice(ALL_BY),
    multiple=True,
    help="Group the sums by this, with a bar for each group. May be repeated.  "
    "[default: cause and direction]",
)
@click.option(
    "--zone",
    metavar="ZONE",
    callback=_to_zone,
    help="The time zone of days, hours and months, such as Europe/Berlin or +05:30.  [default: UTC]",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "html", "svg"]),
    help="The form of the output. html and svg are reports that load nothing from elsewhere.  "
    "[default: table on a terminal, else json]",
)
def summarize(
    files: tuple[str, ...], by: tuple[By, ...], zone: tzinfo | None, output: SummaryOutput | None
) -> ExitCode:
    """Sum up the records in files: counts, seconds and amounts.

    FILE is the output of an export or a sync, as NDJSON or CSV, also in gzip; - is stdin. CSV is read by its
    header. A spreadsheet may have saved it, with semicolons, tabs, quotes or decimal commas. Any other file
    ends the command.

    A call that is in the files more than once is counted once, and the repetitions are reported. A row
    without a call UUID, such as a total, is left out and counted. An incomplete last line, as in a file that
    is being written, is ignored. Amounts are exact.

    A call counts at the time when it ended. Its number is that of the account: the caller of an outbound
    call, the callee of an inbound one. The bright part of a bar shows the answered calls.

    \b
    Examples:
      plivo-async summarize calls.ndjson
      plivo-async summarize january.csv february.csv --by day --zone Europe/Berlin
      plivo-async summarize calls.ndjson --by month -o html > report.html
      plivo-async summarize calls.csv -o json | jq -r .amount
    """
    if files.count("-") > 1:
        raise click.UsageError("stdin (-) is named twice, but can be read only once")
    summary = Summary(tuple(Grouping(each, zone or UTC) for each in dict.fromkeys(by)))
    repeated, without_id = _read_all(files, summary)
    if zone is not None:
        summary.show_ends_in(zone)
    form = output or default_format()
    if form == "json":
        write(json.dumps({**summary.to_dict(), "repeated": repeated, "without_id": without_id}) + "\n")
        return ExitCode.OK
    notes = [("Files", f"{len(files):,}")] * (len(files) > 1)
    notes += [("Repeated", f"{counted(repeated, 'record')}, not counted again")] * (repeated > 0)
    notes += [("Without id", counted(without_id, "row"))] * (without_id > 0)
    _show(summary_tables(summary, notes=notes), form)
    return ExitCode.OK


def _show(tables: RenderableType, form: Literal["table"] | ReportFormat) -> None:
    if form == "table":
        print_table(tables, err=False)
    else:
        write(rendered_report(tables, form))


def _read_all(files: Sequence[str], summary: Summary) -> tuple[int, int]:
    """Add the records of the files; return the number of repetitions and of rows without an id.

    Raises:
        ClickException: A file cannot be read, or is not an export.
    """
    seen, repeated, without_id = IdSet(), 0, 0

    def add(record: CallDetailRecord) -> None:
        nonlocal repeated
        if seen.add(record.call_uuid):
            summary.add(record)
        else:
            repeated += 1

    for name in files:
        left = _read(name, add)
        without_id += left.without_id
        if left.torn:
            report(f"{name}: ignored an incomplete last line ({left.torn:,} bytes)")
    return repeated, without_id


def _read(name: str, each: Callable[[CallDetailRecord], None]) -> Left:
    with ExitStack() as stack:
        count = stack.enter_context(reading_back(name))

        def add(record: CallDetailRecord) -> None:
            each(record)
            count()

        try:
            return read_export(_open(name, stack), name, add)
        except OSError as error:
            raise click.ClickException(f"cannot read {name}: {error.strerror}") from None


def _open(name: str, stack: ExitStack) -> BinaryIO:
    if name != "-":
        return stack.enter_context(Path(name).open("rb"))
    stdin = cast("TextIO | None", sys.stdin)
    if stdin is None:
        raise click.ClickException("stdin is closed")
    return stdin.buffer
