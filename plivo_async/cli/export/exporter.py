"""One run of an export: fetches the ids, writes records and failures, and counts them."""

from __future__ import annotations

import asyncio
import time

import click
from attrs import define, field

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.files import ExportFiles
from plivo_async.cli.export.progress import (
    Display,
    PaceMeter,
    Snapshot,
    cause_text,
    long_pause,
    short_waiting_text,
    show_progress,
    waiting_text,
)
from plivo_async.cli.export.record_format import Encode, encoder
from plivo_async.cli.export.span_source import SpanSource
from plivo_async.cli.output import report, report_failure
from plivo_async.cli.signals import Stop, stop_on_signals
from plivo_async.cli.summary import Run
from plivo_async.client import AsyncClient
from plivo_async.errors import PlivoError
from plivo_async.resources.batch import Batch
from plivo_async.resources.outcome import Failed, Outcome

# At Plivo's own limit about once a second.
_CHECKED_EVERY_RECORDS = 64


@define
class Exporter:
    """Fetches the ids of a source and writes the outcomes.

    Attributes:
        files: The open files.
        concurrency: The number of calls in progress at once.
        patience: Seconds that nobody may send before the export ends; None for no end.
        max_rate: The rate limit in calls per second; None for no limit.
        run: The counts of this run.
        ended_by: The error or signal that ended the run before the end of its input; None for neither.
    """

    files: ExportFiles
    concurrency: int
    patience: float | None
    max_rate: float | None = None
    run: Run = field(factory=Run)
    ended_by: click.ClickException | PlivoError | ExitCode | None = None
    _encode: Encode = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._encode = encoder(self.files.file_format)

    async def export(self, client: AsyncClient, display: Display | None) -> None:
        """Run the export, once.

        Errors and signals that end it early do not propagate: they are in `ended_by`.
        """
        began = time.monotonic()
        meter = PaceMeter()
        meter.rates(asyncio.get_running_loop().time(), 0)
        with stop_on_signals(self.files.source.stop) as stop:
            async with client:
                batch = self._begin(client)
                async with batch, show_progress(display, lambda: self._snapshot(batch, meter)):
                    await self._write_all(batch, stop)
                    stop.finish()
        if stop.signal is not None:
            self.ended_by = ExitCode(128 + stop.signal)
        self._end_files()
        self.run.seconds = time.monotonic() - began
        self._count_input()

    def _begin(self, client: AsyncClient) -> Batch | SpanSource:
        source = self.files.source
        if isinstance(source, SpanSource):
            return source.begin(client, concurrency=self.concurrency, patience=self.patience)
        return client.calls.get_many(source, concurrency=self.concurrency, patience=self.patience)

    async def _write_all(self, batch: Batch | SpanSource, stop: Stop) -> None:
        try:
            try:
                await self._write_each(batch)
            except asyncio.CancelledError:
                if not stop.was_ours():
                    raise
                await self._write_arrived(batch)
        except (click.ClickException, PlivoError) as error:
            self.ended_by = error

    async def _write_arrived(self, batch: Batch | SpanSource) -> None:
        """Write the outcomes that are available without a wait."""
        try:
            async with asyncio.timeout(0):
                await self._write_each(batch)
        except TimeoutError:
            pass

    async def _write_each(self, batch: Batch | SpanSource) -> None:
        # Wait before an outcome is taken from the batch, so that a cancellation loses none.
        await self.files.output.wait_until_writable()
        async for outcome in batch:
            self._write(outcome)
            await self.files.output.wait_until_writable()

    def _write(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            self._write_failed(outcome)
            return
        record = outcome.record
        self.files.output.write(self._encode(record))
        if not self.run.written and self.files.failed is not None:
            self.files.failed.forget_replaced()
        self.run.written += 1
        self.files.summary.add(record)
        if not self.run.written % _CHECKED_EVERY_RECORDS:
            self.files.output.check_place()

    def _write_failed(self, outcome: Failed) -> None:
        if self.files.failed is None:
            report_failure(str(outcome.call_uuid), outcome.error)
        else:
            self.files.failed.write(outcome)
        self.run.failed += 1
        self.run.retryable += outcome.error.retryable
        self.run.failures[type(outcome.error).__name__] += 1

    def _end_files(self) -> None:
        try:
            if self.ended_by is None:
                self._settle()
            else:
                if self.files.failed is not None:
                    self.files.failed.keep()
                self.files.output.check_place()
        except (click.ClickException, OSError) as error:
            problem = error if isinstance(error, click.ClickException) else _write_error(error)
            if self.ended_by is None:
                self.ended_by = problem
            elif str(problem) != str(self.ended_by):
                report(problem.message)

    def _settle(self) -> None:
        self.files.output.sync()
        if self.files.failed is not None:
            seen, written = self.files.source.seen, self.files.written
            self.files.failed.settle(lambda call_uuid: call_uuid in seen or call_uuid in written)

    def _count_input(self) -> None:
        run, source = self.run, self.files.source
        run.unfinished = source.pulled - run.written - run.failed
        run.read = source.given + source.without_id - run.unfinished
        run.skipped, run.duplicates, run.without_id = source.skipped, source.duplicates, source.without_id
        run.is_complete = self.ended_by is None
        if isinstance(source, SpanSource):
            run.is_complete = run.is_complete and source.is_complete

    def _snapshot(self, batch: Batch | SpanSource, meter: PaceMeter) -> Snapshot:
        now = asyncio.get_running_loop().time()
        left, holding = self.files.source.left, batch.holding
        pause = long_pause(holding, now)
        rate, pace = meter.rates(now, batch.done, is_paused=pause is not None)
        return Snapshot(
            done=batch.done,
            failed=batch.failed,
            left=None if left is None else left + self.files.source.pulled - batch.done,
            rate=rate,
            pace=pace,
            max_rate=self.max_rate,
            pause=pause or 0.0,
            waiting=waiting_text(holding, now),
            short_waiting=short_waiting_text(holding, now),
            cause=cause_text(holding),
        )


def _write_error(error: OSError) -> click.ClickException:
    return click.ClickException(f"cannot write to {error.filename or 'the failed file'}: {error.strerror}")
