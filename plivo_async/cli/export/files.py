"""Opens what an export reads and writes, and finds out what is done already."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO, cast

import click
from attrs import field, frozen

from plivo_async.cli.export.failed_file import FailedFile, failed_file
from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.export.id_source import (
    ByteInput,
    IdSource,
    line_parser,
    open_input,
)
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.export.output_file import Output, file_output, stdout_output
from plivo_async.cli.export.record_format import FileFormat, header
from plivo_async.cli.export.resume import scan
from plivo_async.cli.output import report
from plivo_async.cli.summary import Summary
from plivo_async.record.model import CallDetailRecord


@frozen
class ExportFiles:
    """What is open; `written` and `summary` tell of what the output holds already."""

    source: IdSource
    output: Output
    file_format: FileFormat
    failed: FailedFile | None
    written: IdSet = field(factory=IdSet)
    summary: Summary = field(factory=Summary)


def open_files(wanted: ExportOptions, samples: tuple[str, ...], stack: ExitStack) -> ExportFiles:
    """Open the files; the output is repaired, and begun where it is empty. The stack closes them.

    samples: ids where the user gives none.

    Raises: UsageError, ClickException.
    """
    check_paths(wanted)
    parse = line_parser(wanted.column, wanted.key)
    read = _input(wanted, bool(samples), stack)
    ids = wanted.call_uuids or (() if read else samples)
    written, summary = IdSet(), Summary()
    file_format = wanted.chosen_format
    if wanted.path is None:
        output = stack.enter_context(stdout_output())
    else:
        output = stack.enter_context(file_output(wanted.path))
        if output.is_file:
            file_format = _checkpoint(wanted, wanted.path, output, written, summary)
    if not output.end:
        output.write(header(file_format))
    failed = None
    if wanted.failed_path is not None:
        failed = stack.enter_context(failed_file(wanted.failed_path, resume=wanted.resume))
        if read is not None and wanted.input and _is_same(wanted.failed_path, Path(wanted.input)):
            # What is appended to it is not to be read in the same run.
            read.limit = failed.before
    return ExportFiles(IdSource(ids, read, parse, written), output, file_format, failed, written, summary)


def check_paths(wanted: ExportOptions) -> None:
    """Refuse what would lose data before anything is opened.

    Raises: UsageError.
    """
    path, failed = wanted.path, wanted.failed_path
    if wanted.resume and (path is None or is_device(path)):
        raise click.UsageError("--resume goes on with a file: name it with -o")
    if wanted.resume and wanted.overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other")
    given = None if wanted.input in (None, "-") else Path(str(wanted.input))
    if path is not None and given is not None and _is_same(path, given):
        raise click.UsageError(f"{path} is the input and the output")
    if path is not None and failed is not None and _is_same(path, failed):
        raise click.UsageError(f"{path} is the output and the file for failures")
    if failed is not None and not wanted.resume:
        if given is not None and _is_same(failed, given):
            raise click.UsageError(f"{failed} is the input and the file for failures: add --resume")
        if not wanted.overwrite and failed.is_file() and failed.stat().st_size:
            raise click.UsageError(f"{failed} exists: add --resume to go on, or --overwrite to begin anew")


def is_device(path: Path) -> bool:
    """Whether a path is something to write to that is no file, such as /dev/null or a FIFO."""
    return path.exists() and not path.is_file()


def _input(wanted: ExportOptions, has_samples: bool, stack: ExitStack) -> ByteInput | None:
    stdin = cast("TextIO | None", sys.stdin)
    if wanted.input is None and (wanted.call_uuids or stdin is None or stdin.isatty()):
        if wanted.column is not None or wanted.key is not None:
            raise click.UsageError("--column and --key tell how to read a file: name it with -i")
        if not wanted.call_uuids and not has_samples:
            raise click.UsageError("no ids: give a file with -i, or pipe them in, or name some")
        return None
    read = open_input(wanted.input)
    if read.name != "stdin":
        stack.callback(os.close, read.fd)
    return read


def _checkpoint(
    wanted: ExportOptions, path: Path, output: Output, written: IdSet, summary: Summary
) -> FileFormat:
    if wanted.overwrite:
        os.truncate(path, 0)
        output.end = 0
    if not output.end:
        return wanted.chosen_format
    if not wanted.resume:
        raise click.UsageError(f"{path} exists: add --resume to go on with it, or --overwrite to begin anew")

    def remember(record: CallDetailRecord) -> None:
        written.add(record.call_uuid)
        summary.add(record)

    with path.open("rb") as file:
        found = scan(file, str(path), remember)
    if wanted.file_format not in (None, found.file_format):
        raise click.UsageError(f"{path} is {found.file_format}, not {wanted.file_format}")
    os.truncate(path, found.end)
    output.end = found.end
    if found.lacks_newline:
        output.write(b"\n")
    if found.torn:
        report(f"{path}: the last line was cut short; took it off ({found.torn:,} bytes)")
    return found.file_format


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()
