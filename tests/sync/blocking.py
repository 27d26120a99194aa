"""Uses a target of a sync from a test that is no coroutine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from plivo_async import CallDetailRecord
from plivo_async.cli.sync.line_target import LineTarget
from plivo_async.sync import Changes, SQLiteTarget, SyncState


@frozen
class Opened:
    """A target within its block."""

    target: LineTarget | SQLiteTarget
    runner: asyncio.Runner

    def state(self, kind: str = "calls") -> SyncState | None:
        return self.runner.run(self.target.state(kind))

    def write(self, records: Sequence[CallDetailRecord], state: SyncState) -> Changes:
        return self.runner.run(self.target.write(records, state))


@contextmanager
def opened(target: LineTarget | SQLiteTarget) -> Generator[Opened, None, None]:
    """Open a target within this block."""
    with asyncio.Runner() as runner:
        runner.run(target.__aenter__())
        try:
            yield Opened(target, runner)
        finally:
            runner.run(target.__aexit__(*sys.exc_info()))


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())
