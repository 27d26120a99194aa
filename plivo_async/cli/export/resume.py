"""`--resume` and `--overwrite`: an output that exists is its own checkpoint."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.export.output_file import Output
from plivo_async.cli.export.record_format import CSV_HEADER, SAFE_CSV_HEADER, FileFormat, header
from plivo_async.cli.export.record_scan import NotAnExportError, scan
from plivo_async.cli.export.span_source import hour_of
from plivo_async.cli.output import report
from plivo_async.cli.reading import reading_back
from plivo_async.cli.shell import path_word, shell_join
from plivo_async.cli.summary import Summary
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord


def begin_or_resume(
    options: ExportOptions,
    path: Path,
    output: Output,
    written: IdSet,
    summary: Summary,
    *,
    hours: Counter[int],
) -> FileFormat:
    """Begin the output or read it back, and remove an incomplete last line.

    With `--overwrite`, the old content stays until the first record replaces it.

    Args:
        options: The options of the export.
        path: The path of the output.
        output: The output, a regular file.
        written: Receives the id of each record in the output.
        summary: Receives each record in the output.
        hours: Receives the number of calls in the output by the hour of their end.

    Returns:
        The format of the output.

    Raises:
        UsageError: The output exists and no option allows to change it, or it has another format.
        ClickException: The output is not an export; it was not changed.
    """
    if options.overwrite or not output.end or (not options.resume and _has_only_header(path)):
        output.begin(header(options.chosen_format))
        return options.chosen_format
    if not options.resume:
        raise click.UsageError(
            f"{path} already exists: add --resume to continue it, or --overwrite to replace it"
        )

    with output.read_back() as file, reading_back(str(path), quiet=options.quiet) as count:

        def remember(record: CallDetailRecord | TrunkCallDetailRecord) -> None:
            written.add(record.call_uuid)
            summary.add(record)
            if record.end_time is not None:
                hours[hour_of(record.end_time)] += 1
            count()

        try:
            found = scan(file, str(path), remember, options.kind)
        except NotAnExportError as error:
            hint = _hint(path, error.damaged, is_retry=options.is_retry)
            raise click.ClickException(f"{error.message}; {path} was not changed: {hint}") from None
    _check_format(options, path, found.file_format)
    if found.torn:
        output.cut(found.end)
    if not found.end:
        output.begin(header(found.file_format))
    if found.lacks_newline:
        output.write(b"\n")
    if found.torn:
        report(f"{path}: removed an incomplete last line ({found.torn:,} bytes)")
    return found.file_format


def _hint(path: Path, damaged: int | None, *, is_retry: bool) -> str:
    if damaged is not None:
        # The suffix suits the sed of every system.
        command = shell_join(["sed", "-i.bak", f"{damaged}d", path_word(path)])
        return f"if line {damaged} is damaged, delete it, and its record is fetched again: {command}"
    if is_retry:
        return "is it the output of an export?"
    return "name another output with -o, or replace this one: --overwrite instead of --resume"


def _check_format(options: ExportOptions, path: Path, found: FileFormat) -> None:
    if options.safe_csv and found != "safe-csv":
        raise click.UsageError(f"{path} was begun without --safe-csv: name another output with -o")
    name = "ndjson" if found == "ndjson" else "csv"
    if options.file_format not in (None, name):
        raise click.UsageError(f"{path} is {name}, not {options.file_format}")


def _has_only_header(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SAFE_CSV_HEADER) + 1) in (CSV_HEADER, SAFE_CSV_HEADER)
