"""`plivo-async fake`: serve a fake Plivo on loopback."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import click

from plivo_async.cli.event_loop import run_loop
from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.output import counted, report, write
from plivo_async.cli.rate_option import to_rate
from plivo_async.cli.signals import wait_for_signal
from plivo_async.rate_limit import RateLimit


@click.command()
@click.option("--size", type=click.IntRange(0), default=1000, show_default=True, help="The number of calls.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="The same seed generates the same calls."
)
@click.option(
    "--limit",
    callback=to_rate,
    default="300/5",
    show_default=True,
    metavar="RATE",
    help="The rate limit of the fake: REQUESTS/SECONDS, a number per second, or none.",
)
@click.option(
    "--limit-kind",
    type=click.Choice(["fixed", "sliding", "bucket"]),
    default="fixed",
    show_default=True,
    help="The algorithm of the rate limit.",
)
@click.option(
    "--latency",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="The delay before each response.",
)
@click.option(
    "--faults",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="The share of responses that are 429, 500 or 503, from 0 to 1.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: a free one]")
@click.option("--ids", type=click.Path(), help="Write the call UUIDs to this new file, one per line.")
def fake(
    *,
    size: int,
    seed: int,
    limit: RateLimit | None,
    limit_kind: Literal["fixed", "sliding", "bucket"],
    latency: float,
    faults: float,
    port: int,
    ids: str | None,
) -> ExitCode:
    """Serve a fake Plivo on loopback until Ctrl-C. For tests only.

    It prints an export line on stdout. Every plivo-async command in a shell that runs this line uses the
    fake.

    \b
    Examples:
      plivo-async fake --size 5000 --ids ids.txt
    In another terminal, after you paste the export line:
      plivo-async export -i ids.txt -o calls.ndjson
    A slow, faulty and strict Plivo:
      plivo-async fake --latency 0.3 --faults 0.1 --limit 100/5 --limit-kind sliding
    """
    # Imported late: the other commands do not need it.
    from plivo_async.testing import FakePlivo, FakeRateLimit, RandomFaults

    fake_plivo = FakePlivo(
        rate_limit=None
        if limit is None
        else FakeRateLimit(requests=limit.requests, per=limit.per, kind=limit_kind),
        latency=latency,
        random_faults=RandomFaults(rate=faults, seed=seed) if faults else None,
    )
    calls = fake_plivo.generate(size, seed=seed)
    if ids is not None:
        write_ids(Path(ids), calls)

    async def serve() -> None:
        try:
            async with fake_plivo.serve(port) as url:
                settings = {
                    "PLIVO_AUTH_ID": fake_plivo.auth_id,
                    "PLIVO_AUTH_TOKEN": fake_plivo.auth_token,
                    "PLIVO_ASYNC_BASE_URL": url,
                    # In case the user has a proxy configured.
                    "NO_PROXY": "127.0.0.1",
                }
                exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
                await wait_for_signal(lambda: announce(f"export {exports}\n", size))
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on port {port}: {os.strerror(error.errno or 0)}"
            ) from None

    run_loop(serve())
    return ExitCode.OK


def announce(exports: str, size: int) -> None:
    """Print the export line on stdout, and a message on stderr."""
    write(exports)
    report(f"serving a fake Plivo with {counted(size, 'call')}; press Ctrl-C to stop")


def write_ids(path: Path, ids: Iterable[str]) -> None:
    """Write ids to a new or empty file, one per line; a file that has exactly these ids stays as it is.

    Raises:
        ClickException: The file has other content, or cannot be written.
    """
    text = "".join(f"{call_uuid}\n" for call_uuid in ids)
    try:
        if path.is_file() and path.stat().st_size:
            if path.read_bytes() == text.encode():
                return
            raise click.ClickException(f"{path} already exists: name another file, or remove it first")
        with path.open("w") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"cannot write to {path}: {error.strerror}") from None
