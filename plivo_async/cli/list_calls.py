"""`plivo-async list`: the calls of a span of time."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import click
from attrs import evolve

from plivo_async.cli.call_table import CallTable
from plivo_async.cli.client import ConnectionOptions, connection_options, open_client
from plivo_async.cli.event_loop import run_loop
from plivo_async.cli.exit_codes import LIST_EXIT_CODE_HELP, ExitCode
from plivo_async.cli.limiter_option import make_limiter
from plivo_async.cli.output import (
    Format,
    counted,
    default_format,
    print_table,
    record_writer,
    report,
    report_failure,
    write_as_sent,
)
from plivo_async.cli.span_options import CallSelection, selection_options, take_selection
from plivo_async.cli.transfer_options import transfer_options
from plivo_async.cli.waits import report_waits
from plivo_async.client import AsyncClient
from plivo_async.rate_limit import RateLimit
from plivo_async.resources.batch import DEFAULT_CONCURRENCY
from plivo_async.resources.outcome import Failed

_ROWS_OF_A_TABLE = 100
_PAGE_SIZE = 20

_Write: TypeAlias = Callable[[Any], object]


@click.command("list", epilog=LIST_EXIT_CODE_HELP)
@selection_options
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="NUMBER",
    help=f"The most calls to list: the newest ones.  [default: {_ROWS_OF_A_TABLE} in a table, else all]",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    help="The form of the output. json: a line per call, with every key and digit as sent.  "
    "[default: table on a terminal, else json]",
)
@transfer_options
@connection_options
def list_calls(
    *,
    options: ConnectionOptions,
    limit: int | None,
    output: Format | None,
    rate: RateLimit | None,
    limiter: str | None,
    limiter_account: str | None,
    patience: float | None,
    **given: Any,
) -> ExitCode:
    """List the calls that ended in a span of time.

    The newest call comes first. On a terminal it prints a table of 100 calls, in as many columns as fit;
    else a line of JSON for every call. As JSON, a call with a value that cannot be read is printed as sent,
    with a warning.

    Without --since the span begins 7 days before its end, 30 days for SIP-trunk calls. Plivo keeps calls for
    90 days. A call has to fit every filter.

    \b
    Examples:
      plivo-async list
      plivo-async list --since 24h --hangup-source Error
      plivo-async list --since 2026-11-01 --until 2026-12-01 --zone UTC -o json
      plivo-async list --since 7d --to-number 1202 | jq -r .call_uuid
    """
    now = datetime.now(UTC)
    selection = take_selection(given, now)
    # Else a span of 0, such as --since 0d, would have the length of a moment.
    selection = evolve(selection, until=selection.until or now)
    chosen = output or default_format()
    if limit is None and chosen == "table":
        limit = _ROWS_OF_A_TABLE
    shared = make_limiter(rate, limiter, limiter_account, options)
    with open_client(options, rate_limit=shared) as opened:
        records: list[Any] = []
        writer: _Write = record_writer("json") if chosen == "json" else records.append
        listed = _Listed(opened.client, selection, limit, patience)
        try:
            return run_loop(listed.run(writer, is_json=chosen == "json"))
        finally:
            if records:
                print_table(CallTable(records, selection.zone), err=False)
            elif chosen == "table" and sys.exc_info()[0] is None:
                report("no call")


class _Listed:
    """One run of `list`."""

    def __init__(
        self, client: AsyncClient, selection: CallSelection, limit: int | None, patience: float | None
    ) -> None:
        self._client = client
        self._selection = selection
        self._limit = math.inf if limit is None else limit
        self._patience = patience

    async def run(self, writer: _Write, *, is_json: bool) -> ExitCode:
        pages = math.ceil(min(self._limit / _PAGE_SIZE, DEFAULT_CONCURRENCY))
        failed = 0
        async with self._client as client:
            calls = self._selection.list(
                client,
                self._selection.since,
                self._selection.until,
                patience=self._patience,
                page_size=int(min(self._limit, _PAGE_SIZE)),
                # No more than the limit needs.
                concurrency=pages,
            )
            async with report_waits(calls), calls:
                async for outcome in calls:
                    if not isinstance(outcome, Failed):
                        writer(outcome.record)
                    elif not is_json or not write_as_sent(outcome):
                        report_failure(str(outcome.call_uuid), outcome.error)
                        failed += 1
                    if calls.done >= self._limit:
                        break
            found = calls.report
        for warning in found.warnings:
            report(f"warning: {warning}")
        if calls.done >= self._limit:
            if calls.total is not None and calls.total > calls.done:
                report(f"the newest {calls.done:,} of {counted(calls.total, 'call')}; --limit changes that")
            return ExitCode.WITH_FAILURES if failed else ExitCode.OK
        if not found.complete:
            missing = counted(found.missing, "record") if found.missing else "some records"
            report(f"not complete: {missing} that Plivo counts did not arrive")
        return ExitCode.WITH_FAILURES if failed or not found.complete else ExitCode.OK
