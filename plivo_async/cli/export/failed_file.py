"""The failed file: NDJSON with one object for each call that failed, which is also an input for `export`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import click
from attrs import define, field

from plivo_async.cli.export.kept_options import (
    KeptOptions,
    UnusableOptionsError,
    forget_options,
    options_path,
)
from plivo_async.cli.export.line_removal import remove_lines
from plivo_async.cli.export.output_file import Output, file_output
from plivo_async.cli.export.torn_line import is_torn_failure
from plivo_async.cli.inputs.json_input import NdjsonKey
from plivo_async.cli.output import report
from plivo_async.errors import InvalidResponseError
from plivo_async.record.strict_json import write_json
from plivo_async.resources.outcome import Failed

_ID_KEY = "call_uuid"
_OWN_KEYS = (_ID_KEY, "kind", "status", "message", "attempts")
_ALL_KEYS = (*_OWN_KEYS, "retryable", "body")
# A call UUID has at most 128. The rest of a longer text is in the input.
_LONGEST_ID_CHARACTERS = 1000


def failed_line(failed: Failed) -> bytes:
    """Return a failure as a line of NDJSON, with the body of a response that is not a record."""
    error = failed.error
    facts: dict[str, Any] = {
        _ID_KEY: _cut(failed.call_uuid),
        "kind": type(error).__name__,
        "status": error.status,
        "message": error.message,
        "attempts": error.attempts,
        "retryable": error.retryable,
    }
    if isinstance(error, InvalidResponseError) and error.body:
        facts["body"] = error.body.decode("utf-8", "backslashreplace")
    return write_json(facts).encode("ascii") + b"\n"


@define
class FailedFile:
    """Appends failures.

    Lines of earlier runs stay until `settle` removes those of calls that are done.

    Attributes:
        path: The path of the file.
        options: The options to keep beside the failures; None for none.
        before: The size in bytes of the lines of earlier runs.
        keeps_options: Whether they are kept; only once there is a failure.
    """

    path: Path
    options: KeptOptions | None
    before: int
    _output: Output
    keeps_options: bool = field(default=False, init=False)
    _has_failures: bool = field(default=False, init=False)
    _cut: set[str] = field(factory=set[str], init=False)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, which can be read again."""
        return self._output.is_file

    def write(self, failed: Failed) -> None:
        """Append a failure.

        Raises:
            OutputError: The file cannot be written.
        """
        if not self._has_failures:
            # A kill must leave no failure without its options.
            self._has_failures, self.keeps_options = True, self._keep_options()
        self._output.write(failed_line(failed))
        if (text := _cut(failed.call_uuid)) != str(failed.call_uuid):
            self._cut.add(text)

    def _keep_options(self) -> bool:
        if self.options is None or not self.is_file:
            return False
        path = options_path(self.path)
        try:
            self.options.save(path)
        except UnusableOptionsError as error:
            report(f"{error.message}; the options of this export are not kept for a retry")
        except OSError as error:
            report(f"cannot keep the options of this export for a retry in {path}: {error.strerror}")
        else:
            return True
        return False

    def forget_replaced(self) -> None:
        """Remove the failures of an output that is replaced, once it has its first new record."""
        if self._output.keeps_old_content:
            self._output.write(b"")

    def settle(self, is_settled: Callable[[str], bool]) -> None:
        """Remove lines of earlier runs whose call is settled.

        Args:
            is_settled: Whether this run exported the call, or wrote a new failure for it.

        Raises:
            OutputError: Somebody moved, replaced or emptied the file.
            OSError: The file cannot be changed; it has all its lines then.
        """
        self.keep()
        if self.before and self._output.fd is not None:
            # The file has only the cut form of a long text.
            self._rewrite(lambda call_uuid: call_uuid in self._cut or is_settled(call_uuid))

    def keep(self) -> None:
        """Write the file anew if somebody deleted it.

        Raises:
            OutputError: Somebody moved, replaced or emptied the file.
            OSError: The file cannot be written.
        """
        if self._output.is_deleted and not os.path.lexists(self.path):
            self._rewrite(lambda _: False)
        else:
            self._output.check_place("failures")

    def _rewrite(self, is_settled: Callable[[str], bool]) -> None:
        assert self._output.fd is not None  # noqa: S101 - for the type checkers
        try:
            remove_lines(self.path, self._output.fd, self.before, lambda line: _is_settled(line, is_settled))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._output.end = os.fstat(self._output.fd).st_size


@contextmanager
def failed_file(
    path: Path, options: KeptOptions | None = None, *, resume: bool
) -> Generator[FailedFile, None, None]:
    """Open and lock the failed file; at the end delete it and the options beside it if no line is left.

    Args:
        path: The path of the file.
        options: The options to keep beside the failures; None for none.
        resume: Whether to keep its lines, except for an incomplete last one. Else they stay until the first
            failure or `forget_replaced`.

    Raises:
        ClickException: The file cannot be changed, another export uses it, or it is not a failed file.
    """
    with ExitStack() as stack:
        try:
            output = stack.enter_context(file_output(path))
        except click.ClickException as error:
            message = f"{error.message}; name another file for the failures with --failed"
            raise click.ClickException(message) from None
        stack.callback(output.delete_if_empty, path)
        if resume and output.is_file:
            _repair(path, output)
        elif output.end:
            output.begin(b"")
        stack.callback(_forget_options, path, output)
        yield FailedFile(path, options, output.end if resume else 0, output)


def failure_in(line: bytes) -> dict[str, Any] | None:
    """Return the failure in a line that `failed_line` wrote; None for any other line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return (
        cast("dict[str, Any]", found) if isinstance(found, dict) and found.keys() >= set(_OWN_KEYS) else None
    )


def _forget_options(path: Path, output: Output) -> None:
    if output.is_file and output.fd is not None and not os.fstat(output.fd).st_size:
        forget_options(path)


def _repair(path: Path, output: Output) -> None:
    with output.read_back() as file:
        end, line, has_failures = 0, b"\n", False
        for line in file:
            end += len(line)
            has_failures = has_failures or failure_in(line) is not None
    if line.endswith(b"\n"):
        return
    if _is_complete(line):
        output.write(b"\n")
        return
    # A power cut may leave nothing but NUL bytes. Below lines of another program, an object that begins like
    # a failure may be of that program, too.
    is_torn = is_torn_failure(line, _ALL_KEYS)
    if not (is_torn or (has_failures and not line.strip(b"\0"))) or not (has_failures or end == len(line)):
        raise click.ClickException(
            f"{path} ends with a line that is not a failure, so it was not changed: "
            "name another file with --failed"
        )
    output.cut(end - len(line))
    report(f"{path}: removed an incomplete last line ({len(line):,} bytes)")


def _is_complete(line: bytes) -> bool:
    # An editor may omit the last newline. No proper prefix of a JSON object is one.
    try:
        return bool(NdjsonKey(_ID_KEY)(0, line))
    except click.ClickException:
        return False


def _cut(call_uuid: object) -> str:
    text = str(call_uuid)
    return text if len(text) <= _LONGEST_ID_CHARACTERS else text[: _LONGEST_ID_CHARACTERS - 1] + "…"


def _is_settled(line: bytes, is_settled: Callable[[str], bool]) -> bool:
    # Keep each line of text that this program did not write, even if it has a call UUID.
    failure = failure_in(line)
    return not line.strip() or (failure is not None and is_settled(str(failure[_ID_KEY])))
