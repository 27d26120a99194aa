"""`plivo-async get`: the records of a few calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import click

from plivo_async.cli.client import ConnectionOptions, connection_options, open_client
from plivo_async.cli.exit_codes import (
    EXIT_CODE_HELP,
    ExitCode,
    exit_code,
    overall,
)
from plivo_async.cli.output import (
    Format,
    counted,
    record_writer,
    report,
    report_failure,
)
from plivo_async.client import AsyncClient
from plivo_async.errors import AuthenticationError
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.batch import Fetched, Outcome

_CONCURRENCY = 8


@click.command(epilog=EXIT_CODE_HELP)
@click.argument("call_uuids", metavar="CALL_UUID...", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    help="json: one line per record, every key and digit as sent.  [default: table on a terminal, else json]",
)
@connection_options
def get(options: ConnectionOptions, call_uuids: tuple[str, ...], output: Format | None) -> ExitCode:
    """Fetch the call detail records of calls that have ended.

    Records come out on stdout in the order asked for. Whatever fails is told on stderr, a line per call;
    once the credentials were refused no further call is asked for.

    Credentials come from the environment, PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN, never from the command line:
    every user of the machine could read them there.

    \b
    Examples:
      plivo-async get --fake
      plivo-async get 5607532d-5037-4066-befc-a8b40218dd4f
      plivo-async get -o json CALL_UUID CALL_UUID | jq -r .total_amount
    """
    with open_client(options) as session:
        asked = call_uuids or session.sample_ids
        if not asked:
            raise click.UsageError("no CALL_UUID given; to see a record without one, add --fake")
        return asyncio.run(_get(session.client, asked, record_writer(output)))


async def _get(
    client: AsyncClient, asked: Sequence[str], write: Callable[[CallDetailRecord], None]
) -> ExitCode:
    codes: list[ExitCode] = []
    arrived: dict[str, Outcome] = {}
    waiting = deque(asked)
    # An id that is named twice is fetched once.
    ids = dict.fromkeys(asked)
    async with client, client.calls.get_many(ids, concurrency=_CONCURRENCY) as batch:
        try:
            async for outcome in batch:
                arrived[outcome.call_uuid] = outcome
                while waiting and waiting[0] in arrived:
                    codes.append(_tell(arrived[waiting.popleft()], write))
        except AuthenticationError:
            # Told of each call that met it.
            if waiting:
                report(f"{counted(len(waiting), 'call')} not asked for: the credentials were refused")
    return overall(codes)


def _tell(outcome: Outcome, write: Callable[[CallDetailRecord], None]) -> ExitCode:
    if isinstance(outcome, Fetched):
        write(outcome.record)
        return ExitCode.OK
    report_failure(outcome.call_uuid, outcome.error)
    return exit_code(outcome.error)
