"""Refuses options that would lose data, that contradict each other, or that mislead."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.shell import shell_join

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Endings of files that are neither NDJSON nor CSV, and what they promise.
_OTHER_FORMATS = {
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip", ".7z"), "a compressed file"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a spreadsheet"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3", ".duckdb"), "a database"),
    ".parquet": "Parquet",
    ".tsv": "a table with tabs",
    ".json": "one JSON value",
    ".xml": "XML",
}


def check_options(options: ExportOptions) -> None:
    """Refuse options before a file is opened.

    Raises:
        UsageError: The options contradict each other, a name is empty or promises another format, an
            argument is a file of ids, or a failed file exists that would be emptied.
    """
    names = {"-o": options.output, "--failed": options.failed}
    for option, name in [*names.items(), *(("-i", name) for name in options.inputs)]:
        if name == "":
            raise click.UsageError(f"{option} needs a file name, not an empty text")
    if options.resume and (options.path is None or is_device(options.path)):
        raise click.UsageError("--resume needs an output file: name it with -o")
    if options.resume and options.overwrite:
        raise click.UsageError("--resume and --overwrite are mutually exclusive")
    if options.inputs.count("-") > 1:
        raise click.UsageError("stdin (-i -) is named twice, but can be read only once")
    if options.column is not None and options.key is not None:
        raise click.UsageError("--column is for CSV and --key for NDJSON: they are mutually exclusive")
    if options.selection is not None and (
        options.call_uuids or options.inputs or options.column or options.key
    ):
        raise click.UsageError("--since and its filters choose the calls: name no call UUIDs and no input")
    if options.selection is not None and options.selection.is_trunk and options.chosen_format != "ndjson":
        raise click.UsageError("--trunk writes NDJSON: the columns of CSV are those of the voice API")
    if not options.is_retry:
        _check_arguments(options)
    _check_format(options)
    _check_that_paths_differ(options)


def is_device(path: Path) -> bool:
    """Whether a path exists and is not a regular file, for example /dev/null or a FIFO."""
    # Unlike their namesakes of Path, these report no error for a name that is too long.
    return os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, or would if it existed."""
    try:
        return one.samefile(other)
    except OSError:
        pass
    try:
        return one.absolute() == other.absolute()
    except OSError:
        # The working folder was deleted.
        return one == other


def _check_arguments(options: ExportOptions) -> None:
    files = [text for text in options.call_uuids if _is_file(text)]
    if files:
        rest = shell_join(word for name in files[:3] for word in ("-i", name))
        more = " ..." if len(files) > 3 else ""
        raise click.UsageError(
            f"{files[0]} is a file, not a call UUID; to read call UUIDs from a file, put -i before each: "
            f"{rest}{more}"
        )


def _is_file(text: str) -> bool:
    # A file may have the name of a call, for example a recording.
    return _UUID.fullmatch(text) is None and os.path.isfile(text)  # noqa: PTH113


def _check_format(options: ExportOptions) -> None:
    path = options.path
    if options.safe_csv and (options.file_format == "ndjson" or _is_ndjson(path)):
        raise click.UsageError("--safe-csv is for CSV, and NDJSON has no formulas")
    if path is None or options.file_format is not None or is_device(path):
        return
    promised = _OTHER_FORMATS.get(path.suffix.lower())
    # An export that is there has the name that the user wants.
    if promised is not None and not (options.resume and _is_file(str(path))):
        inner = path.stem if path.stem.endswith((".ndjson", ".csv", ".jsonl")) else f"{path.stem}.ndjson"
        raise click.UsageError(
            f"{path} looks like {promised}, but the export writes NDJSON or CSV: name it {inner}, "
            "or choose with --format ndjson or --format csv"
        )


def _is_ndjson(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() in (".ndjson", ".jsonl")


def _check_that_paths_differ(options: ExportOptions) -> None:
    path, failed = options.path, options.failed_path
    given = [Path(name) for name in options.inputs if name != "-"]
    if path is not None and any(is_same(path, each) for each in given):
        raise click.UsageError(f"{path} is both the input and the output")
    if path is not None and failed is not None and is_same(path, failed):
        raise click.UsageError(f"{path} is both the output and the failed file")
    if failed is None or options.resume:
        return
    if any(is_same(failed, each) for each in given):
        raise click.UsageError(f"{failed} is both the input and the failed file: add --resume")
    if not options.overwrite and _has_content(failed):
        raise click.UsageError(
            f"{failed} already exists: add --resume to continue it, or --overwrite to replace it"
        )


def _has_content(path: Path) -> bool:
    return os.path.isfile(path) and path.stat().st_size > 0  # noqa: PTH113
