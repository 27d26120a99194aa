"""The rows of a sync that cannot be read, in the failed file: each once, however often it is read again."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import click
from attrs import define, field, frozen

from plivo_async.cli.export.failed_file import FailedFile, failed_file, failed_line
from plivo_async.resources.outcome import Failed
from plivo_async.sync import Changes, SyncState, SyncTarget


@define
class Failures:
    """The failures of a sync.

    Attributes:
        written: How many are new.
    """

    _file: FailedFile
    _known: set[bytes]
    _unsettled: set[str]
    _settled: set[str] = field(factory=set[str], init=False)
    written: int = field(default=0, init=False)

    def add(self, failed: Failed) -> None:
        """Write a failure, unless the file has the same row.

        Raises:
            OutputError: The file cannot be written.
        """
        row, _ = _row_of(failed_line(failed))
        if row not in self._known:
            self._known.add(row)
            self._file.write(failed)
            self.written += 1

    def settling(self, target: SyncTarget) -> SyncTarget:
        """Return a target that also notes the calls that failed in an earlier run and now have a record."""
        return _Settling(target, self._unsettled, self._settled)

    def settle(self) -> None:
        """Remove the failures of earlier runs whose call has a record now.

        Raises:
            ClickException: The file cannot be changed; it has all its lines then.
        """
        try:
            self._file.settle(lambda call_uuid: call_uuid.lower() in self._settled)
        except OSError as error:
            raise click.ClickException(f"cannot write to {error.filename}: {error.strerror}") from None


@frozen
class _Settling:
    _target: SyncTarget
    _unsettled: set[str]
    _settled: set[str]

    async def state(self, kind: str) -> SyncState | None:
        return await self._target.state(kind)

    async def count(self, kind: str, since: datetime, until: datetime) -> int | None:
        return await self._target.count(kind, since, until)

    async def write(self, records: Sequence[Any], state: SyncState) -> Changes:
        changes = await self._target.write(records, state)
        if self._unsettled:
            self._settled.update(self._unsettled & {record.call_uuid.lower() for record in records})
        return changes


@contextmanager
def open_failures(path: Path) -> Generator[Failures, None, None]:
    """Open and lock the failed file; delete it at the end if no line is left.

    Raises:
        ClickException: The file cannot be changed, another process uses it, or it is not a failed file.
    """
    with failed_file(path, resume=True) as file:
        known, unsettled = set[bytes](), set[str]()
        if file.before:
            with path.open("rb") as lines:
                for line in lines:
                    row, call_uuid = _row_of(line)
                    known.add(row)
                    unsettled.add(call_uuid)
        yield Failures(file, known, unsettled - {""})


def _row_of(line: bytes) -> tuple[bytes, str]:
    """Return a hash of the call UUID and the JSON of a failed row, not of the message, and the call UUID."""
    call_uuid = ""
    try:
        found = json.loads(line)
        call_uuid = str(found["call_uuid"]).lower()
        text = json.dumps([call_uuid, found.get("body")])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        text = line.decode("utf-8", "backslashreplace")
    return blake2b(text.encode(), digest_size=16).digest(), call_uuid
