"""`plivo-async summarize`: counts and sums over the records in a file."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import click

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.record_scan import scan
from plivo_async.cli.output import Format, default_format, print_table, report, write
from plivo_async.cli.reading import reading_back
from plivo_async.cli.summary import Summary
from plivo_async.cli.summary_table import summary_tables
from plivo_async.record.model import CallDetailRecord


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    help="[default: table on a terminal, else json]",
)
def summarize(file: str, output: Format | None) -> ExitCode:
    """Sum up the records in FILE: counts, seconds and amounts by hang-up cause and direction.

    FILE is the output of `export`, NDJSON or CSV; - is stdin. It may be of any size, because it is read
    record by record. Amounts are exact. An incomplete last line, as in a file that is being written, is
    ignored.

    \b
    Examples:
      plivo-async summarize calls.ndjson
      plivo-async summarize calls.csv -o json | jq -r .amount
    """
    summary = Summary()
    with ExitStack() as stack:
        count = stack.enter_context(reading_back(file))

        def add(record: CallDetailRecord) -> None:
            summary.add(record)
            count()

        try:
            found = scan(_open(file, stack), file, add)
        except OSError as error:
            raise click.ClickException(f"cannot read {file}: {error.strerror}") from None
    if found.torn:
        report(f"{file}: ignored an incomplete last line ({found.torn:,} bytes)")
    if (output or default_format()) == "json":
        write(json.dumps(summary.to_dict()) + "\n")
    else:
        print_table(summary_tables(summary), err=False)
    return ExitCode.OK


def _open(file: str, stack: ExitStack) -> BinaryIO:
    if file != "-":
        return stack.enter_context(Path(file).open("rb"))
    stdin = cast("TextIO | None", sys.stdin)
    if stdin is None:
        raise click.ClickException("stdin is closed")
    return stdin.buffer
