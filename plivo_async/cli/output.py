"""Where output goes: records to stdout, everything else, a line at a time, to stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal, TextIO, cast

import click
from rich.console import Console

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.record_table import record_table
from plivo_async.models import CallDetailRecord

PROGRAM = "plivo-async"

Format = Literal["table", "json"]


def record_writer(output: Format | None) -> Callable[[CallDetailRecord], None]:
    """A function that writes a record to stdout; None: a table to a terminal, else a line of JSON."""
    stdout = cast("TextIO | None", sys.stdout)
    if output is None:
        output = "table" if stdout is not None and stdout.isatty() else "json"
    if output == "json":
        return lambda record: write(record.to_json() + "\n")
    console = Console(file=stdout, highlight=False, markup=False, emoji=False)

    def write_table(record: CallDetailRecord) -> None:
        # Captured, because what rich writes itself it ends in its own way where a pipe is closed.
        with console.capture() as captured:
            console.print(record_table(record, encoding=console.encoding))
        write(captured.get())

    return write_table


def write(text: str) -> None:
    """Write to stdout, at once.

    Raises: click.exceptions.Exit, which is quiet, where the reader of a pipe went away; ClickException,
    such as for a full disk.
    """
    stdout = cast("TextIO | None", sys.stdout)
    if stdout is None:
        raise click.ClickException("stdout is closed")
    try:
        stdout.write(text)
        stdout.flush()
    except OSError as error:
        _discard(stdout)
        if isinstance(error, BrokenPipeError):
            raise click.exceptions.Exit(ExitCode.BROKEN_PIPE) from None
        raise click.ClickException(f"cannot write to stdout: {error.strerror}") from None


def report(message: str) -> None:
    """Write one line to stderr."""
    click.echo(f"{PROGRAM}: {' '.join(message.split())}", err=True)


@contextmanager
def logging_to_stderr(wanted: bool) -> Generator[None, None, None]:
    """Whether the package's log records go to stderr."""
    if not wanted:
        yield
        return
    logger = logging.getLogger("plivo_async")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def _discard(stdout: TextIO) -> None:
    # What is still buffered would fail once more when Python exits, with a traceback.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stdout.fileno())
    os.close(nowhere)
