"""Writes records to stdout and messages, one line each, to stderr."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal, TextIO, cast

import click
from rich.console import RenderableType

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.record_table import RecordTable
from plivo_async.cli.renderer import Renderer
from plivo_async.cli.streams import discard, encodable, write_to_stderr
from plivo_async.errors import DecodeError, PlivoError
from plivo_async.record.converter import decode_json
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.strict_json import check_depth, write_json
from plivo_async.resources.outcome import Failed
from plivo_async.text import printable

PROGRAM = "plivo-async"

Format = Literal["table", "json"]


def default_format() -> Format:
    """Return the format for stdout: a table on a terminal, lines of JSON elsewhere."""
    stdout = cast("TextIO | None", sys.stdout)
    return "table" if stdout is not None and stdout.isatty() else "json"


def json_as_sent(body: bytes, call_uuid: str) -> str | None:
    """Return a body as one line of JSON with every digit.

    None if it is not an object of this call, or nested too deeply to be a record.
    """
    try:
        value = decode_json(body)
        # Without this, the version of Python would decide which depth can be written.
        check_depth(value)
    except (DecodeError, ValueError):
        return None
    sent = cast("dict[str, Any]", value).get("call_uuid") if isinstance(value, dict) else None
    is_this_call = isinstance(sent, str) and sent.lower() == call_uuid.lower()
    return write_json(value) if is_this_call else None


def write_as_sent(failed: Failed) -> bool:
    """Write a record that cannot be read as one line of JSON, with a warning; return whether it is one."""
    if not isinstance(failed.error, DecodeError):
        return False
    line = json_as_sent(failed.error.body, str(failed.call_uuid))
    if line is None:
        return False
    write(line + "\n")
    report(f"{failed.call_uuid}: warning: printed as sent: {failed.error.message}")
    return True


def record_writer(output: Format) -> Callable[[CallDetailRecord], None]:
    """Return a function that writes a record to stdout in this format."""
    if output == "json":
        return lambda record: write(record.to_json() + "\n")
    renderer = Renderer(cast("TextIO | None", sys.stdout))
    return lambda record: write(renderer.render(RecordTable(record)))


def write(text: str) -> None:
    """Write to stdout and flush it.

    Raises:
        click.exceptions.Exit: The reader closed the pipe; the command ends without a message.
        ClickException: stdout is closed, or the write failed, for example on a full disk.
    """
    stdout = cast("TextIO | None", sys.stdout)
    if stdout is None:
        raise click.ClickException("stdout is closed")
    try:
        stdout.write(encodable(text, stdout))
        stdout.flush()
    except OSError as error:
        discard(stdout)
        if isinstance(error, BrokenPipeError):
            raise click.exceptions.Exit(ExitCode.BROKEN_PIPE) from None
        raise click.ClickException(f"cannot write to stdout: {error.strerror}") from None


def report(message: str) -> None:
    """Write one line to stderr."""
    write_to_stderr(f"{PROGRAM}: {' '.join(message.split())}\n")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, for example "1 call" or "2,000 calls"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def report_failure(call_uuid: str, error: PlivoError) -> None:
    """Write one line about a failed call to stderr."""
    report(f"{shlex.quote(printable(call_uuid))}: {type(error).__name__}: {error.message}")


def print_table(table: RenderableType, *, err: bool = True) -> None:
    """Write a table, with colours on a terminal.

    Args:
        table: What rich can render.
        err: Whether to write to stderr, which may be closed, or to stdout.

    Raises:
        click.exceptions.Exit: The reader closed the pipe.
        ClickException: stdout cannot be written to.
    """
    stream = cast("TextIO | None", sys.stderr if err else sys.stdout)
    (write_to_stderr if err else write)(Renderer(stream).render(table))


@contextmanager
def logging_to_stderr(verbose: int) -> Generator[None, None, None]:
    """Send log records of the package to stderr within this block: from INFO with 1, all with 2 or more."""
    logger = logging.getLogger("plivo_async")
    level = logger.level
    # Without a handler Python writes warnings to stderr, into the display.
    handler: logging.Handler = logging.NullHandler()
    if verbose:
        handler = _StderrHandler()
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        logger.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _StderrHandler(logging.Handler):
    """Looks up `sys.stderr` for each record, because a live display replaces it."""

    def emit(self, record: logging.LogRecord) -> None:
        write_to_stderr(self.format(record) + "\n")
