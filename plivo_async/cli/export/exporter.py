"""One run of an export: ids in, records and failures out, and a summary at the end."""

from __future__ import annotations

import asyncio
import time

import click
from attrs import define, field

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.files import ExportFiles
from plivo_async.cli.export.progress import (
    Display,
    RateMeter,
    Snapshot,
    showing,
)
from plivo_async.cli.export.record_format import Encode, encoder
from plivo_async.cli.output import report_failure
from plivo_async.cli.signals import Stop, stopping
from plivo_async.cli.summary import Run
from plivo_async.client import AsyncClient
from plivo_async.errors import PlivoError
from plivo_async.middleware.window_limiter import SlidingWindowLimiter
from plivo_async.resources.batch import Batch, Failed, Outcome


@define
class Exporter:
    """Writes what the calls of a source come to.

    ended_by: what ended it before its input did, an error or a signal.
    """

    files: ExportFiles
    limiter: SlidingWindowLimiter | None
    concurrency: int
    run: Run = field(factory=Run)
    ended_by: click.ClickException | PlivoError | ExitCode | None = None
    _encode: Encode = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._encode = encoder(self.files.file_format)

    async def export(self, client: AsyncClient, display: Display | None) -> None:
        """Run it, once; see `ended_by`."""
        began = time.monotonic()
        meter = RateMeter()
        meter.rate(asyncio.get_running_loop().time(), 0)
        with stopping(self.files.source.stop) as stop:
            async with client:
                batch = client.calls.get_many(self.files.source, concurrency=self.concurrency)
                async with batch, showing(display, lambda: self._snapshot(batch, meter)):
                    await self._write_all(batch, stop)
                    stop.finish()
        if stop.signal is not None:
            self.ended_by = ExitCode(128 + stop.signal)
        self.run.seconds = time.monotonic() - began
        self.run.skipped, self.run.duplicates = self.files.source.skipped, self.files.source.duplicates
        if self.ended_by is None:
            self._settle()

    async def _write_all(self, batch: Batch, stop: Stop) -> None:
        try:
            try:
                await self._write_each(batch)
            except asyncio.CancelledError:
                if not stop.was_ours():
                    raise
                await self._write_arrived(batch)
        except (click.ClickException, PlivoError) as error:
            self.ended_by = error

    async def _write_arrived(self, batch: Batch) -> None:
        """What is there already: the first wait for more ends it."""
        try:
            async with asyncio.timeout(0):
                await self._write_each(batch)
        except TimeoutError:
            pass

    async def _write_each(self, batch: Batch) -> None:
        # Waited for before an outcome is taken, so that none is lost to a cancellation.
        await self.files.output.writable()
        async for outcome in batch:
            self._write(outcome)
            await self.files.output.writable()

    def _write(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            self._write_failed(outcome)
            return
        record = outcome.record
        self.files.output.write(self._encode(record))
        self.run.written += 1
        self.files.summary.add(record)

    def _write_failed(self, outcome: Failed) -> None:
        if self.files.failed is None:
            report_failure(outcome.call_uuid, outcome.error)
        else:
            self.files.failed.write(outcome)
        self.run.failed += 1
        self.run.failures[type(outcome.error).__name__] += 1

    def _settle(self) -> None:
        try:
            self.files.output.sync()
            if self.files.failed is not None:
                seen, written = self.files.source.seen, self.files.written
                self.files.failed.settle(lambda call_uuid: call_uuid in seen or call_uuid in written)
        except (click.ClickException, OSError) as error:
            self.ended_by = error if isinstance(error, click.ClickException) else _unwritten(error)

    def _snapshot(self, batch: Batch, meter: RateMeter) -> Snapshot:
        now = asyncio.get_running_loop().time()
        left = self.files.source.left
        return Snapshot(
            done=batch.done,
            failed=batch.failed,
            left=None if left is None else left + self.files.source.pulled - batch.done,
            rate=meter.rate(now, batch.done),
            pause=_pause(self.limiter, now),
        )


def _pause(limiter: SlidingWindowLimiter | None, now: float) -> float:
    """Seconds that the rate limit holds everything up; 0 where only an answer is awaited."""
    delay = 0.0 if limiter is None else limiter.window.delay(now)
    return delay if delay < float("inf") else 0.0


def _unwritten(error: OSError) -> click.ClickException:
    return click.ClickException(f"cannot write to {error.filename or 'the failed file'}: {error.strerror}")
