"""`plivo-async summarize`: what the records in a file come to."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Literal, cast

import click

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.resume import scan
from plivo_async.cli.output import print_table, report, write
from plivo_async.cli.summary import Summary
from plivo_async.cli.summary_table import summary_tables


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    help="[default: table on a terminal, else json]",
)
def summarize(file: str, output: Literal["table", "json"] | None) -> ExitCode:
    """Tell what the records in FILE come to: counts, seconds, amounts by hang-up cause and direction.

    FILE is what `export` wrote, NDJSON or CSV; - is stdin. It is read record by record, whatever its size.
    Amounts are summed exactly. A last line cut short, as in a file that is being written, is left out.

    \b
    Examples:
      plivo-async summarize calls.ndjson
      plivo-async summarize calls.csv -o json | jq -r .amount
    """
    summary = Summary()
    with ExitStack() as stack:
        opened = _open(file, stack)
        found = scan(opened, file, summary.add)
    if found.torn:
        report(f"{file}: the last line is cut short; left it out ({found.torn:,} bytes)")
    if output is None:
        output = "table" if sys.stdout.isatty() else "json"
    if output == "json":
        write(json.dumps(summary.to_dict()) + "\n")
    else:
        print_table(summary_tables(summary), err=False)
    return ExitCode.OK


def _open(file: str, stack: ExitStack) -> BinaryIO:
    if file == "-":
        return cast("BinaryIO", sys.stdin.buffer)
    try:
        return stack.enter_context(Path(file).open("rb"))
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from None
