"""One run of `sync`: opens the target, brings it up to date, and reports the result."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Literal

import click
from attrs import define, field

from plivo_async.cli.client import ConnectionOptions, open_client
from plivo_async.cli.event_loop import run_loop
from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.checks import is_same
from plivo_async.cli.export.progress import (
    Display,
    PaceMeter,
    Snapshot,
    cause_text,
    choose_display,
    long_pause,
    short_waiting_text,
    show_progress,
    waiting_text,
)
from plivo_async.cli.limiter_option import make_limiter
from plivo_async.cli.output import counted, print_table, report, write
from plivo_async.cli.signals import stop_on_signals
from plivo_async.cli.sync.failures import Failures, open_failures
from plivo_async.cli.sync.line_target import LineTarget
from plivo_async.cli.sync.options import SyncOptions
from plivo_async.cli.sync.summary import sync_dict, sync_table
from plivo_async.client import AsyncClient
from plivo_async.errors import PlivoError
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord
from plivo_async.sync import SQLiteTarget, Sync, SyncReport

_LINES: dict[str, Literal["ndjson", "csv"]] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv"}
_DATABASES = (".db", ".sqlite", ".sqlite3")


def run_sync(connection: ConnectionOptions, options: SyncOptions) -> ExitCode:
    """Bring the file up to date, and report the result.

    Raises:
        ClickException: The file cannot be used.
        PlivoError: An error of the client ended the sync.
    """
    target = choose_target(options.path, is_trunk=options.trunk)
    if is_same(options.path, options.failed_path):
        raise click.UsageError(f"{options.path} is both the target and the failed file")
    limiter = make_limiter(options.rate, options.limiter, options.limiter_account, connection)
    with open_client(connection, rate_limit=limiter) as opened:
        run = SyncRun(opened.client, target, options)
        run_loop(run.run(choose_display(quiet=options.quiet)))
        return _conclude(run)


def choose_target(path: Path, *, is_trunk: bool = False) -> LineTarget | SQLiteTarget:
    """Return the target that the name of a file implies.

    Raises:
        UsageError: The name implies none, or it is CSV for SIP-trunk calls.
    """
    suffix = path.suffix.lower()
    if suffix in _DATABASES:
        return SQLiteTarget(path)
    if suffix in _LINES:
        if is_trunk and suffix == ".csv":
            raise click.UsageError(
                f"{path}: the columns of CSV are those of the voice API; sync NDJSON or SQLite"
            )
        return LineTarget(path, _LINES[suffix], TrunkCallDetailRecord if is_trunk else CallDetailRecord)
    known = ", ".join((*_LINES, *_DATABASES))
    raise click.UsageError(f"{path}: the name has to end in one of {known}")


@define
class SyncRun:
    """One run of a sync.

    Attributes:
        result: The report; None if the run ended early.
        ended_by: The error or signal that ended it early; None for neither.
        seconds: How long it took.
        done: The number of rows that were read.
    """

    _client: AsyncClient
    _target: LineTarget | SQLiteTarget
    options: SyncOptions
    result: SyncReport | None = field(default=None, init=False)
    ended_by: PlivoError | click.ClickException | ExitCode | None = field(default=None, init=False)
    seconds: float = field(default=0.0, init=False)
    done: int = field(default=0, init=False)

    async def run(self, display: Display | None) -> None:
        """Run the sync, once. Errors and signals that end it early are in `ended_by`."""
        began = time.monotonic()
        task = asyncio.current_task()

        def cancel() -> None:
            assert task is not None  # noqa: S101 - for the type checkers
            task.cancel()

        with stop_on_signals(cancel, grace=None) as stop:
            try:
                # The target first: a second sync names it, and not the failed file, in its message.
                async with self._client, self._target:
                    with open_failures(self.options.failed_path) as failures:
                        await self._run(failures, display)
                        stop.finish()
                        failures.settle()
            except asyncio.CancelledError:
                if not stop.was_ours():
                    raise
            except (click.ClickException, PlivoError) as error:
                self.ended_by = error
        if stop.signal is not None and self.result is None:
            self.ended_by = ExitCode(128 + stop.signal)
        self.seconds = time.monotonic() - began

    async def _run(self, failures: Failures, display: Display | None) -> None:
        sync = Sync(
            self._client,
            failures.settling(self._target),
            kind="trunk_calls" if self.options.trunk else "calls",
            look_back=self.options.look_back,
            patience=self.options.patience,
            on_failed=failures.add,
        )
        meter = PaceMeter()
        meter.rates(asyncio.get_running_loop().time(), 0)
        try:
            async with show_progress(display, lambda: self._snapshot(sync, meter)):
                self.result = await sync
        finally:
            self.done = sync.done

    def _snapshot(self, sync: Sync, meter: PaceMeter) -> Snapshot:
        now = asyncio.get_running_loop().time()
        total, holding = sync.total, sync.holding
        pause = long_pause(holding, now)
        rate, pace = meter.rates(now, sync.done, is_paused=pause is not None)
        return Snapshot(
            done=sync.done,
            failed=sync.failed,
            left=None if total is None else max(0, total - sync.done),
            rate=rate,
            pace=pace,
            pause=pause or 0.0,
            waiting=waiting_text(holding, now),
            short_waiting=short_waiting_text(holding, now),
            cause=cause_text(holding),
        )


def _conclude(run: SyncRun) -> ExitCode:
    """Report the result.

    Raises:
        ClickException: A file ended the sync.
        PlivoError: An error of the client ended the sync.
    """
    path, result = run.options.path, run.result
    if result is None or run.ended_by is not None:
        if run.done:
            report(f"stopped after {counted(run.done, 'record')}; to continue, run the same command again")
        if isinstance(run.ended_by, ExitCode):
            return run.ended_by
        assert run.ended_by is not None  # noqa: S101 - for the type checkers
        raise run.ended_by
    if run.options.summary == "json":
        write(json.dumps(sync_dict(result, run.seconds)) + "\n")
    elif run.options.summary == "table" and not run.options.quiet:
        print_table(sync_table(result, run.seconds))
    for warning in result.warnings:
        report(f"warning: {warning}")
    if result.lost_since is not None and result.lost_until is not None:
        span = f"from {result.lost_since:%Y-%m-%d %H:%M} to {result.lost_until:%Y-%m-%d %H:%M} UTC"
        report(f"{path} lacks the calls that ended {span}: Plivo no longer keeps them")
    if result.failed:
        report(f"{counted(result.failed, 'row')} cannot be read, see {run.options.failed_path}")
    if not result.complete:
        missing = counted(result.missing, "record") if result.missing else "some records"
        report(f"{missing} that Plivo counts did not arrive: the next sync asks again")
    return ExitCode.WITH_FAILURES if result.failed or not result.complete else ExitCode.OK
