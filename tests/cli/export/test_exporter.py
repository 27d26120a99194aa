"""The end of an export, with a batch whose outcomes arrive when the test wants them to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest

from plivo_async.cli.export.exporter import Exporter
from plivo_async.cli.export.files import ExportFiles
from plivo_async.cli.export.id_source import IdSource
from plivo_async.cli.export.output_file import file_output
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.outcome import Fetched, Outcome

_OUTCOMES = [Fetched(name, CallDetailRecord(call_uuid=name)) for name in ("a", "b", "c")]


class SlowBatch:
    """Returns one outcome, then waits until it is cancelled, then returns two more."""

    done = failed = 0

    def __init__(self) -> None:
        self._left = list(_OUTCOMES)
        self._waits = [1, 3]
        self.waiting = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def __aiter__(self) -> AsyncIterator[Outcome]:
        return self

    async def __anext__(self) -> Outcome:
        if len(_OUTCOMES) - len(self._left) in self._waits:
            self._waits.pop(0)
            self.waiting.set()
            await asyncio.Event().wait()
        return self._left.pop(0)


class Client:
    """A client whose `get_many` returns one batch."""

    def __init__(self) -> None:
        self.calls = self
        self.batch = SlowBatch()

    def get_many(self, ids: object, *, concurrency: int, patience: float | None) -> SlowBatch:
        return self.batch

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def written(path: Path) -> list[str]:
    return [json.loads(line)["call_uuid"] for line in path.read_text().splitlines()]


async def begin(path: Path, client: Any) -> tuple[Exporter, asyncio.Task[None]]:
    with file_output(path) as output:
        output.raw = open(path, "ab", buffering=0)  # noqa: ASYNC230, SIM115
    exporter = Exporter(ExportFiles(IdSource([]), output, "ndjson", None), 4, 900.0)
    task = asyncio.create_task(exporter.export(client, None))
    await asyncio.wait_for(client.batch.waiting.wait(), 30)
    return exporter, task


async def test_outcomes_that_arrived_before_a_stop_are_written(tmp_path: Path) -> None:
    client = Client()
    exporter, task = await begin(tmp_path / "f", client)
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)

    await asyncio.wait_for(task, 30)

    assert written(tmp_path / "f") == ["a", "b", "c"]
    assert exporter.ended_by in {130, 143}
    exporter.files.output.raw.close()


async def test_a_cancellation_without_a_signal_propagates(tmp_path: Path) -> None:
    exporter, task = await begin(tmp_path / "f", Client())
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)

    assert written(tmp_path / "f") == ["a"]
    exporter.files.output.raw.close()
