"""The command lines that continue an export or retry its failures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from plivo_async.cli.export.kept_options import URL_OPTIONS, KeptOptions
from plivo_async.cli.export.options import default_failed_path
from plivo_async.cli.limiter_option import has_password
from plivo_async.cli.output import PROGRAM
from plivo_async.cli.shell import path_word, shell_join


def resume_command(arguments: Sequence[str], *, from_start: bool = False) -> str:
    """Return the command line that continues the export of these arguments.

    Args:
        arguments: The command line without the name of the program.
        from_start: Whether the output still has the content that the export was to replace.
    """
    if from_start or arguments[0] == "retry":
        return shell_join([PROGRAM, *arguments])
    kept = [argument for argument in arguments if argument not in ("--overwrite", "--resume")]
    at = kept.index("export") + 1
    return shell_join([PROGRAM, *kept[:at], "--resume", *kept[at:]])


def without_passwords(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments without the options whose URL has a password, and the names of these options."""
    kept: list[str] = []
    left_out: list[str] = []
    for argument in arguments:
        name, has_value, value = argument.partition("=")
        if kept and kept[-1] in URL_OPTIONS and has_password(argument):
            left_out.append(kept.pop())
        elif has_value and name in URL_OPTIONS and has_password(value):
            left_out.append(name)
        else:
            kept.append(argument)
    return kept, left_out


def pinned(arguments: Sequence[str], since: datetime, until: datetime) -> list[str]:
    """Return the arguments with the bounds of the span in place of times such as `7d`, which move."""
    kept: list[str] = []
    is_value = False
    for argument in arguments:
        if is_value or argument.startswith(("--since=", "--until=")):
            is_value = False
        elif argument in ("--since", "--until"):
            is_value = True
        else:
            kept.append(argument)
    at = kept.index("export") + 1
    bounds = ["--since", since.isoformat(), "--until", until.isoformat()]
    return [*kept[:at], *bounds, *kept[at:]]


def retry_command(output: Path, failed: Path, *, retries_all: bool = False) -> str:
    """Return the command line that retries the failures with the options that are kept beside them.

    Args:
        output: The output of the export.
        failed: Its failed file.
        retries_all: Whether to retry those that are not likely to succeed, too.
    """
    named = [] if failed == default_failed_path(output) else ["--failed", path_word(failed)]
    return shell_join([PROGRAM, "retry", *["--all"] * retries_all, *named, path_word(output)])


def export_command(output: Path, failed: Path, options: KeptOptions | None = None) -> str:
    """Return the command line that retries all failures without kept options.

    Args:
        output: The output of the export.
        failed: Its failed file.
        options: The options to name; None if they are unknown.
    """
    named = [] if failed == default_failed_path(output) else ["--failed", path_word(failed)]
    words = ["export", "--resume", "-i", path_word(failed), "--key", "call_uuid", "-o", path_word(output)]
    return shell_join([PROGRAM, *words, *named, *(options.arguments() if options else ())])
