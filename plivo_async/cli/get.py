"""`plivo-async get`: fetch the records of a few calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import click

from plivo_async.cli.client import ConnectionOptions, connection_options, open_client
from plivo_async.cli.event_loop import run_loop
from plivo_async.cli.exit_codes import (
    GET_EXIT_CODE_HELP,
    ExitCode,
    exit_code,
    overall,
)
from plivo_async.cli.output import (
    Format,
    counted,
    default_format,
    record_writer,
    report,
    report_failure,
    write_as_sent,
)
from plivo_async.client import AsyncClient
from plivo_async.errors import AuthenticationError, PlivoError
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.outcome import Failed, Fetched, Outcome

_CONCURRENCY = 8


@click.command(epilog=GET_EXIT_CODE_HELP)
@click.argument("call_uuids", metavar="CALL_UUID...", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    help="The form of the output. json: a line per record, with every key and digit as sent.  "
    "[default: table on a terminal, else json]",
)
@connection_options
def get(options: ConnectionOptions, call_uuids: tuple[str, ...], output: Format | None) -> ExitCode:
    """Fetch the call detail records of calls that have ended.

    Records go to stdout in the order of the arguments: as a table on a terminal, else as a line of JSON each.
    A call that fails is one line on stderr. As JSON, a record with a value that cannot be read is printed as
    sent, with a warning. After Plivo refuses the credentials, no further call is requested.

    The credentials come from the environment only, PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN, because every user of
    the machine can read a command line. With --fake and no CALL_UUID, it fetches a sample.

    \b
    Examples:
      plivo-async get --fake
      plivo-async get 5607532d-5037-4066-befc-a8b40218dd4f
      plivo-async get -o json CALL_UUID CALL_UUID | jq -r .total_amount
    """
    with open_client(options) as cli_client:
        requested = call_uuids or cli_client.sample_ids
        if not requested:
            raise click.UsageError("no CALL_UUID given; add --fake to see a sample record")
        return run_loop(_get(cli_client.client, requested, output or default_format()))


async def _get(client: AsyncClient, requested: Sequence[str], output: Format) -> ExitCode:
    write_record = record_writer(output)
    room = asyncio.Semaphore(_CONCURRENCY)
    refused = asyncio.Event()

    # Single calls and not a batch, which would wait for the end of an outage: here a person waits.
    async def fetch(call_uuid: str) -> Outcome | None:
        async with room:
            if refused.is_set():
                return None
            try:
                return Fetched(call_uuid, await client.calls.get(call_uuid))
            except PlivoError as error:
                if isinstance(error, AuthenticationError):
                    refused.set()
                return Failed(call_uuid, error)

    codes: list[ExitCode] = []
    async with client:
        # Fetch a repeated id once.
        fetching = {
            call_uuid: asyncio.create_task(fetch(call_uuid)) for call_uuid in dict.fromkeys(requested)
        }
        try:
            for call_uuid in requested:
                outcome = await fetching[call_uuid]
                if outcome is not None:
                    codes.append(_write_outcome(outcome, output, write_record))
        finally:
            for task in fetching.values():
                task.cancel()
            await asyncio.gather(*fetching.values(), return_exceptions=True)
    if left := len(requested) - len(codes):
        report(f"{counted(left, 'call')} not requested: the credentials were refused")
    return overall(codes)


def _write_outcome(
    outcome: Outcome, output: Format, write_record: Callable[[CallDetailRecord], None]
) -> ExitCode:
    if isinstance(outcome, Fetched):
        write_record(outcome.record)
        return ExitCode.OK
    if output == "json" and write_as_sent(outcome):
        return ExitCode.OK
    report_failure(str(outcome.call_uuid), outcome.error)
    return exit_code(outcome.error)
