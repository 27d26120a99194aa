"""The failed file: NDJSON with one object for each call that failed, which is also an input for `export`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import click
from attrs import define, field

from plivo_async.cli.export.file_system import sync
from plivo_async.cli.export.id_parser import ndjson_key
from plivo_async.cli.export.output_file import Output, OutputError
from plivo_async.cli.export.torn_line import is_torn_object
from plivo_async.cli.output import report
from plivo_async.errors import InvalidResponseError
from plivo_async.record.strict_json import write_json
from plivo_async.resources.outcome import Failed

_ID_KEY = "call_uuid"
_OWN_KEYS = {_ID_KEY, "kind", "status", "message", "attempts"}
_id_in = ndjson_key(_ID_KEY)


def failed_line(failed: Failed) -> bytes:
    """Return a failure as a line of NDJSON, with the body of a response that is no record."""
    error = failed.error
    facts: dict[str, Any] = {
        _ID_KEY: failed.call_uuid,
        "kind": type(error).__name__,
        "status": error.status,
        "message": error.message,
        "attempts": error.attempts,
    }
    if isinstance(error, InvalidResponseError) and error.body:
        facts["body"] = error.body.decode("utf-8", "backslashreplace")
    return write_json(facts).encode("ascii") + b"\n"


@define
class FailedFile:
    """Appends failures; the first one creates the file.

    Lines of earlier runs stay until `settle` removes those of calls that are done.

    Attributes:
        path: The path of the file.
        before: The size in bytes of the lines of earlier runs.
    """

    path: Path
    before: int = 0
    _output: Output | None = field(default=None, init=False)

    def write(self, failed: Failed) -> None:
        """Append a failure.

        Raises:
            OutputError: The file cannot be written.
        """
        if self._output is None:
            try:
                raw = FileIO(self.path, "ab")
            except OSError as error:
                raise OutputError(f"cannot write to {self.path}: {error.strerror}") from None
            self._output = Output(raw, str(self.path), raw.fileno(), is_file=True, end=self.before)
        self._output.write(failed_line(failed))

    def settle(self, is_settled: Callable[[str], bool]) -> None:
        """Remove lines of earlier runs whose call is settled; delete the file if no line is left.

        Args:
            is_settled: Whether this run exported the call, or wrote a new failure for it.

        Raises:
            OSError: The file cannot be replaced; it is unchanged then.
        """
        self.close()
        if not self.before:
            return
        new = self.path.with_name(f"{self.path.name}.new")
        with self.path.open("rb") as old, new.open("wb") as kept:
            while old.tell() < self.before:
                line = old.readline()
                if not _is_settled(line, is_settled):
                    kept.write(line)
            shutil.copyfileobj(old, kept)
            kept.flush()
            sync(kept.fileno(), str(new))
            size = kept.tell()
        new.replace(self.path)
        if not size:
            self.path.unlink()

    def close(self) -> None:
        """Close the file."""
        if self._output is not None:
            self._output.raw.close()


@contextmanager
def failed_file(path: Path, *, resume: bool) -> Generator[FailedFile, None, None]:
    """Open the failed file.

    Args:
        path: The path of the file.
        resume: Whether to keep its lines, except for an incomplete last one; else the file is deleted.

    Raises:
        ClickException: The file cannot be changed.
    """
    try:
        before = _repair(path) if resume else _delete(path)
    except OSError as error:
        raise click.ClickException(f"cannot write to {path}: {error.strerror}") from None
    failed = FailedFile(path, before)
    try:
        yield failed
    finally:
        failed.close()


def _repair(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("r+b") as file:
        end, line, has_failures = 0, b"\n", False
        for line in file:
            end += len(line)
            has_failures = has_failures or _is_failure(line)
        if line.endswith(b"\n"):
            return end
        if _is_complete(line):
            file.seek(end)
            file.write(b"\n")
            return end + 1
        # After lines of its own, a power cut may leave nothing but NUL bytes.
        if not is_torn_object(line, (_ID_KEY,)) and not (has_failures and not line.strip(b"\0")):
            raise click.ClickException(
                f"{path} ends with a line that is no failure, so it was not changed: "
                "name another file with --failed"
            )
        report(f"{path}: removed an incomplete last line ({len(line):,} bytes)")
        return file.truncate(end - len(line))


def _is_failure(line: bytes) -> bool:
    """Whether a line is one that `failed_line` wrote."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() >= _OWN_KEYS


def _is_complete(line: bytes) -> bool:
    # An editor may omit the last newline. No proper prefix of a JSON object is one.
    try:
        return _id_in(0, line) is not None
    except click.ClickException:
        return False


def _delete(path: Path) -> int:
    if path.is_file():
        path.unlink()
    return 0


def _is_settled(line: bytes, is_settled: Callable[[str], bool]) -> bool:
    # Keep each line of text that this program did not write, even if it has a call UUID.
    return not line.strip() or (_is_failure(line) and is_settled(json.loads(line)[_ID_KEY]))
