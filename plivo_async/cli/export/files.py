"""Opens the input, the output and the failed file of an export."""

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
    open_input,
)
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.export.output_file import Output, file_output, stdout_output
from plivo_async.cli.export.record_format import FileFormat, header
from plivo_async.cli.export.resume import begin_or_resume
from plivo_async.cli.summary import Summary


@frozen
class ExportFiles:
    """The open files of an export.

    Attributes:
        source: The call UUIDs to fetch.
        output: The destination of the records.
        file_format: The format of the output.
        failed: The destination of failures; None for stderr.
        written: The ids of the records that the output held at the start.
        summary: The sums over all records in the output, those of earlier runs included.
    """

    source: IdSource
    output: Output
    file_format: FileFormat
    failed: FailedFile | None
    written: IdSet = field(factory=IdSet)
    summary: Summary = field(factory=Summary)


def open_files(options: ExportOptions, sample_ids: tuple[str, ...], stack: ExitStack) -> ExportFiles:
    """Open the files; repair the output if it exists.

    Args:
        options: The options of the export.
        sample_ids: Ids to use if the user gives none.
        stack: Closes the files.

    Raises:
        UsageError: The options contradict each other, or a file exists and no option allows to change it.
        ClickException: A file cannot be opened, or it is not an export.
    """
    check_paths(options)
    if options.column is not None and options.key is not None:
        raise click.UsageError("--column is for CSV and --key for NDJSON: they are mutually exclusive")
    byte_input = _open_input(options, bool(sample_ids), stack)
    ids = options.call_uuids or (() if byte_input else sample_ids)
    written, summary = IdSet(), Summary()
    file_format = options.chosen_format
    output = stack.enter_context(stdout_output() if options.path is None else file_output(options.path))
    failed = None
    if options.failed_path is not None:
        failed = stack.enter_context(failed_file(options.failed_path, resume=options.resume))
        if byte_input is not None and options.input and _is_same(options.failed_path, Path(options.input)):
            # This run must not read the failures that it appends.
            byte_input.limit = failed.before
    if options.path is not None and output.is_file:
        file_format = begin_or_resume(options, options.path, output, written, summary)
    else:
        output.write(header(file_format))
    inputs = () if byte_input is None else (byte_input,)
    source = IdSource(ids, inputs, column=options.column, key=options.key, written=written)
    return ExportFiles(source, output, file_format, failed, written, summary)


def check_paths(options: ExportOptions) -> None:
    """Refuse options that would lose data, before a file is opened.

    Raises:
        UsageError: The options contradict each other, or a failed file exists that would be emptied.
    """
    path, failed = options.path, options.failed_path
    if options.resume and (path is None or is_device(path)):
        raise click.UsageError("--resume needs an output file: name it with -o")
    if options.resume and options.overwrite:
        raise click.UsageError("--resume and --overwrite are mutually exclusive")
    given = None if options.input in (None, "-") else Path(str(options.input))
    if path is not None and given is not None and _is_same(path, given):
        raise click.UsageError(f"{path} is both the input and the output")
    if path is not None and failed is not None and _is_same(path, failed):
        raise click.UsageError(f"{path} is both the output and the failed file")
    if failed is not None and not options.resume:
        if given is not None and _is_same(failed, given):
            raise click.UsageError(f"{failed} is both the input and the failed file: add --resume")
        if not options.overwrite and os.path.isfile(failed) and failed.stat().st_size:  # noqa: PTH113
            raise click.UsageError(
                f"{failed} already exists: add --resume to continue it, or --overwrite to replace it"
            )


def is_device(path: Path) -> bool:
    """Whether a path exists and is not a regular file, for example /dev/null or a FIFO."""
    # Unlike their namesakes of Path, these report no error for a name that is too long.
    return os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113


def _open_input(options: ExportOptions, has_samples: bool, stack: ExitStack) -> ByteInput | None:
    stdin = cast("TextIO | None", sys.stdin)
    if options.input is None and (options.call_uuids or stdin is None or stdin.isatty()):
        if options.column is not None or options.key is not None:
            raise click.UsageError("--column and --key need an input file: name it with -i")
        if not options.call_uuids and not has_samples:
            raise click.UsageError(
                "no call UUIDs: name a file with -i, pipe them in, or pass them as arguments"
            )
        return None
    byte_input = open_input(options.input)
    if byte_input.name != "stdin":
        stack.callback(os.close, byte_input.fd)
    return byte_input


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        pass
    try:
        return one.absolute() == other.absolute()
    except OSError:
        # The working folder was deleted.
        return one == other
