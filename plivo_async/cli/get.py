"""`plivo-async get`: the records of a few calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import click
from attrs import define, field

from plivo_async.cli.exit_codes import EXIT_CODE_HELP, ExitCode, exit_code, overall
from plivo_async.cli.output import Format, record_writer, report_failure
from plivo_async.cli.session import SessionOptions, open_session, session_options
from plivo_async.client import AsyncClient
from plivo_async.errors import AuthenticationError, PlivoError
from plivo_async.models import CallDetailRecord

# At 100 ms an answer this stays near what an account may send: 300 requests per 5 seconds.
_CONCURRENCY = 8


@click.command(epilog=EXIT_CODE_HELP)
@click.argument("call_uuids", metavar="CALL_UUID...", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    help="json: one line per record, every key and digit as sent.  [default: table on a terminal, else json]",
)
@session_options
def get(options: SessionOptions, call_uuids: tuple[str, ...], output: Format | None) -> ExitCode:
    """Fetch the call detail records of calls that have ended.

    Records come out on stdout in the order asked for. Whatever fails is told on stderr, a line per call.

    Credentials come from the environment, PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN, never from the command line:
    every user of the machine could read them there.

    \b
    Examples:
      plivo-async get --fake
      plivo-async get 5607532d-5037-4066-befc-a8b40218dd4f
      plivo-async get -o json CALL_UUID CALL_UUID | jq -r .total_amount
    """
    with open_session(options) as session:
        asked = call_uuids or session.sample_ids
        if not asked:
            raise click.UsageError("no CALL_UUID given; to see a record without one, add --fake")
        return asyncio.run(_get(session.client, asked, record_writer(output)))


@define
class _Fetcher:
    """Fetches a few calls at a time; once the credentials were refused, it asks for no more."""

    client: AsyncClient
    slots: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_CONCURRENCY))
    refused: bool = False

    async def fetch(self, call_uuid: str) -> CallDetailRecord | PlivoError:
        async with self.slots:
            if self.refused:
                return AuthenticationError("not asked: the credentials were refused", status=401)
            try:
                return await self.client.calls.get(call_uuid)
            except AuthenticationError as error:
                self.refused = True
                return error
            except PlivoError as error:
                return error


async def _get(
    client: AsyncClient, asked: Sequence[str], write: Callable[[CallDetailRecord], None]
) -> ExitCode:
    codes: list[ExitCode] = []
    async with client:
        fetcher = _Fetcher(client)
        tasks = [asyncio.create_task(fetcher.fetch(call_uuid)) for call_uuid in asked]
        try:
            for call_uuid, task in zip(asked, tasks, strict=True):
                outcome = await task
                if isinstance(outcome, PlivoError):
                    report_failure(call_uuid, outcome)
                    codes.append(exit_code(outcome))
                else:
                    write(outcome)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return overall(codes)
