"""Opens the input, the output and the failed file of an export."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO, cast

import click
from attrs import field, frozen

from plivo_async.cli.export.checks import check_options, is_same
from plivo_async.cli.export.failed_file import FailedFile, failed_file
from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.export.id_source import (
    ByteInput,
    IdSource,
    open_input,
)
from plivo_async.cli.export.kept_options import KeptOptions
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.export.output_file import Output, file_output, stdout_output
from plivo_async.cli.export.record_format import FileFormat, header
from plivo_async.cli.export.resume import begin_or_resume
from plivo_async.cli.export.span_source import SpanSource
from plivo_async.cli.summary import Summary


@frozen
class ExportFiles:
    """The open files of an export.

    Attributes:
        source: The call UUIDs to fetch, or the span to list.
        output: The destination of the records.
        file_format: The format of the output.
        failed: The destination of failures; None for stderr.
        written: The ids of the records that the output held at the start.
        summary: The sums over all records in the output, those of earlier runs included.
    """

    source: IdSource | SpanSource
    output: Output
    file_format: FileFormat
    failed: FailedFile | None
    written: IdSet = field(factory=IdSet)
    summary: Summary = field(factory=Summary)


def open_files(
    options: ExportOptions, kept: KeptOptions, sample_ids: tuple[str, ...], stack: ExitStack
) -> ExportFiles:
    """Open the files; repair the output if it exists.

    Args:
        options: The options of the export.
        kept: The options to keep beside the failures.
        sample_ids: Ids to use if the user gives none.
        stack: Closes the files.

    Raises:
        UsageError: The options contradict each other, or a file exists and no option allows to change it.
        ClickException: A file cannot be opened, or it is not an export.
    """
    check_options(options)
    inputs = _open_inputs(options, bool(sample_ids), stack)
    has_ids = inputs or options.is_retry or options.selection is not None
    ids = options.call_uuids or (() if has_ids else sample_ids)
    written, summary, hours = IdSet(), Summary(), Counter[int]()
    file_format = options.chosen_format
    output = stack.enter_context(stdout_output() if options.path is None else file_output(options.path))
    failed = None
    if options.failed_path is not None:
        failed = stack.enter_context(failed_file(options.failed_path, kept, resume=options.resume))
        for name, opened in zip(options.inputs, inputs, strict=False):
            if name != "-" and is_same(options.failed_path, Path(name)):
                # This run must not read the failures that it appends.
                opened.limit = failed.before
    if options.path is not None and output.is_file:
        file_format = begin_or_resume(options, options.path, output, written, summary, hours=hours)
    else:
        output.write(header(file_format))
    source: IdSource | SpanSource
    if options.selection is None:
        source = IdSource(ids, inputs, column=options.column, key=options.key, written=written)
    else:
        has_failures = failed is not None and failed.before > 0
        source = SpanSource(options.selection, written, hours, keeps_seen=has_failures)
    return ExportFiles(source, output, file_format, failed, written, summary)


def _open_inputs(options: ExportOptions, has_samples: bool, stack: ExitStack) -> list[ByteInput]:
    if options.is_retry or options.selection is not None:
        return []
    stdin = cast("TextIO | None", sys.stdin)
    if not options.inputs and (options.call_uuids or stdin is None or stdin.isatty()):
        if options.column is not None or options.key is not None:
            raise click.UsageError("--column and --key need an input file: name it with -i")
        if not options.call_uuids and not has_samples:
            raise click.UsageError(
                "no call UUIDs: name a file with -i, pipe them in, or pass them as arguments"
            )
    elif not options.inputs:
        return [open_input(None)]
    opened: list[ByteInput] = []
    for name in options.inputs:
        opened.append(open_input(name))
        if name != "-":
            stack.callback(os.close, opened[-1].fd)
    return opened
