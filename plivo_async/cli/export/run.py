"""One run of `export` or `retry`: opens what it needs, exports, and reports the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from plivo_async.cli.client import ConnectionOptions, open_client
from plivo_async.cli.event_loop import run_loop
from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.exporter import Exporter
from plivo_async.cli.export.files import open_files
from plivo_async.cli.export.kept_options import kept_options
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.export.progress import choose_display
from plivo_async.cli.export.reruns import (
    export_command,
    pinned,
    resume_command,
    retry_command,
    without_passwords,
)
from plivo_async.cli.export.span_source import SpanSource
from plivo_async.cli.inputs.lines import InputError
from plivo_async.cli.limiter_option import make_limiter
from plivo_async.cli.output import counted, print_table, report, write
from plivo_async.cli.streams import write_to_stderr
from plivo_async.cli.summary_table import summary_tables

_CONNECTIONS = 100


def run_export(connection: ConnectionOptions, options: ExportOptions, arguments: Sequence[str]) -> ExitCode:
    """Export and report the result.

    Args:
        connection: The connection options.
        options: The options of the export.
        arguments: The command line without the name of the program, for the command that continues.

    Raises:
        ClickException: The options contradict each other, or a file cannot be used.
        PlivoError: An error of the client ended the export.
    """
    limiter = make_limiter(options.rate, options.limiter, options.limiter_account, connection)
    connections = max(_CONNECTIONS, options.concurrency)
    with ExitStack() as stack:
        opened = stack.enter_context(open_client(connection, rate_limit=limiter, max_connections=connections))
        if options.selection is not None:
            # A span that cannot be listed is refused before a file is opened.
            options.selection.list(opened.client, *options.selection.bounds)
        kept = kept_options(connection, options, is_fake=opened.is_fake)
        files = open_files(options, kept, opened.sample_ids, stack)
        rate = None if options.rate is None else options.rate.requests / options.rate.per
        exporter = Exporter(files, options.concurrency, options.patience, rate)
        shares_terminal = options.path is None and sys.stdout.isatty()
        display = choose_display(quiet=options.quiet, shares_terminal=shares_terminal)
        run_loop(exporter.export(opened.client, display))
    return _conclude(exporter, options, arguments)


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
        report(f"{counted(run.failed, 'call')} failed, see {failed_path}{_how_to_retry(exporter, options)}")
    if options.selection is not None:
        _report_span(exporter)
    elif exporter.ended_by is None and not run.read and not options.is_retry:
        names = ["stdin" if name == "-" else name for name in options.inputs or ("-",)]
        report(f"no call UUIDs in {' and '.join(names)}")
    if keeps_old:
        report(f"{path} was not replaced, because there is no new record")
    ended_by = exporter.ended_by
    if ended_by is None:
        return ExitCode.WITH_FAILURES if run.failed or not run.is_complete else ExitCode.OK
    if isinstance(ended_by, InputError) and not (run.written or run.failed or keeps_old):
        # The same command would end in the same way.
        raise ended_by
    if not exporter.files.output.is_file:
        how = "an export to a pipe cannot be resumed, one to a file (-o) can"
    else:
        corrected = ", once the input is corrected" if isinstance(ended_by, InputError) else ""
        same = ", with the same ids on stdin" if options.reads_stdin else ""
        again = arguments if options.selection is None else pinned(arguments, *options.selection.bounds)
        again, left_out = without_passwords(again)
        if left_out:
            same += f", with the same {' and '.join(left_out)}"
        how = f"to continue: {resume_command(again, from_start=keeps_old)}{same}{corrected}"
    report(f"stopped after {counted(run.written, 'record')}; {how}")
    if isinstance(ended_by, ExitCode):
        return ended_by
    raise ended_by


def _report_span(exporter: Exporter) -> None:
    source = exporter.files.source
    if not isinstance(source, SpanSource) or exporter.ended_by is not None:
        return
    for warning in source.warnings:
        report(f"warning: {warning}")
    if not source.is_complete:
        missing = counted(source.missing, "record") if source.missing else "some records"
        report(f"{missing} that Plivo counts did not arrive; --resume asks again")
    elif not source.given and not exporter.files.summary.total.records:
        report("no call ended in this span")


def _how_to_retry(exporter: Exporter, options: ExportOptions) -> str:
    """Return the end of a message: the command that retries the failures.

    Empty if they cannot be read again, or the command that continues fetches them anyway.
    """
    run, output, failed = exporter.run, exporter.files.output, exporter.files.failed
    if exporter.ended_by is not None or output.keeps_old_content or not output.is_file:
        return ""
    if failed is None or options.path is None or not failed.is_file:
        return ""
    if options.selection is not None and options.selection.is_trunk:
        return "; --resume reads them again"
    if failed.keeps_options:
        command = retry_command(options.path, failed.path, retries_all=not run.retryable)
    else:
        command = export_command(options.path, failed.path, failed.options)
    if not run.retryable:
        return f"; to retry them anyway: {command}"
    if run.retryable == run.failed:
        return f"; to retry them: {command}"
    return f", {run.retryable:,} of which may succeed now; to retry: {command}"


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
