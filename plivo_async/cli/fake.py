"""`plivo-async fake`: serve a fake Plivo, on loopback by default."""

from __future__ import annotations

import math
import os
import shlex
import socket
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from plivo_async.cli.event_loop import run_loop
from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.output import counted, report, write
from plivo_async.cli.rate_option import to_rate
from plivo_async.cli.signals import wait_for_signal
from plivo_async.rate_limit import RateLimit
from plivo_async.testing.server import LOOPBACK, http_url, is_beyond_loopback, is_every_interface

if TYPE_CHECKING:
    from plivo_async.testing import FakePlivo, FakeStatistics

# The last late record is there after so long.
_LATEST_SECONDS = 300.0


class _Days(click.FloatRange):
    """A number of days. The range of click includes NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        days: float = super().convert(value, param, ctx)
        if math.isnan(days):
            self.fail("nan is not a number of days", param, ctx)
        return days


@click.command()
@click.option(
    "--size",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    metavar="COUNT",
    help="The number of calls.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="NUMBER",
    help="The same seed generates the same calls, at times that --days sets.",
)
@click.option(
    "--days",
    type=_Days(0.001, 36_500),
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="The number of days before now within which the calls ended.",
)
@click.option(
    "--late",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="COUNT",
    help="The number of calls whose records appear late, one by one within the first five minutes.",
)
@click.option(
    "--limit",
    callback=to_rate,
    default="300/5",
    show_default=True,
    metavar="RATE",
    help="The rate limit of the fake: 300/5 for 300 requests in 5 seconds, 60 for 60 a second, or none.",
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
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="The port.  [default: a free one]",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on. 0.0.0.0 is every interface, for other containers and machines.",
)
@click.option(
    "--ids",
    type=click.Path(),
    help="A new file for the call UUIDs, one per line. A file with other content is never replaced.",
)
def fake(
    *,
    size: int,
    seed: int,
    days: float,
    late: int,
    limit: RateLimit | None,
    limit_kind: Literal["fixed", "sliding", "bucket"],
    latency: float,
    faults: float,
    port: int,
    host: str,
    ids: str | None,
) -> ExitCode:
    """Serve a fake Plivo until Ctrl-C, for tests.

    It prints a line of variables on stdout. Paste the line into another shell: every command and every client
    there uses the fake. At the end it prints the requests that it received.

    It listens on loopback. With another --host, the line has the name of this machine and
    PLIVO_ASYNC_ALLOW_HTTP=1. For every ten calls there is one SIP-trunk call.

    \b
    Examples:
      plivo-async fake --size 5000 --ids ids.txt
    In another terminal, after you paste the line:
      plivo-async export -i ids.txt -o calls.ndjson
    A hundred of the calls appear while you list them:
      plivo-async fake --size 50000 --days 90 --late 100
    A slow, faulty and strict Plivo:
      plivo-async fake --latency 0.3 --faults 0.1 --limit 100/5
    For other containers, over plain http:
      plivo-async fake --host 0.0.0.0 --port 8080
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
    calls = generate(fake_plivo, size, seed, timedelta(days=days), late)
    if ids is not None:
        write_ids(Path(ids), calls)

    server = fake_plivo.serve(port, host=host)

    async def serve() -> None:
        try:
            async with server as url:
                exports = export_line(fake_plivo, host, url)
                await wait_for_signal(lambda: announce(exports, size, host))
        except OSError as error:
            # A name that cannot be resolved has a message of its own.
            reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            where = f"port {port}" if host == LOOPBACK else f"{host}, port {port}"
            raise click.ClickException(f"cannot listen on {where}: {reason}") from None

    run_loop(serve())
    report(statistics_line(fake_plivo.statistics))
    return ExitCode.OK


def generate(fake: FakePlivo, size: int, seed: int, span: timedelta, late: int) -> list[str]:
    """Generate calls that ended within a span before now, some of them late; return their call UUIDs."""
    now = fake.now
    calls = fake.generate(size, seed=seed, since=now - span, until=now)
    fake.trunk_calls.generate(size // 10, seed=seed, since=now - span, until=now)
    count = min(late, size)
    for number in range(count):
        fake.publish_later(
            calls[number * size // count], after_seconds=_LATEST_SECONDS * (number + 1) / count
        )
    return calls


def statistics_line(statistics: FakeStatistics) -> str:
    """Return one line about what the fake was asked for and sent."""

    def listed(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{name}: {count:,}" for name, count in counts.items())

    total = counted(sum(statistics.requests.values()), "request")
    if not statistics.requests:
        return total
    sent = f"{counted(statistics.records_sent, 'record')} in {counted(statistics.bytes_sent, 'byte')} sent"
    return f"{total} ({listed(statistics.requests)}); statuses {listed(statistics.statuses)}; {sent}"


def export_line(fake: FakePlivo, host: str, url: str) -> str:
    """Return the line that sets a shell up for the fake, which listens on a host.

    Args:
        fake: The fake.
        host: Where it listens. If that is every interface, other machines reach it by the name of this one.
        url: By which this machine reaches it.
    """
    name = host
    if is_every_interface(host):
        name = socket.gethostname()
        url = http_url(name, int(url.rpartition(":")[2]))
    settings = {
        "PLIVO_AUTH_ID": fake.auth_id,
        "PLIVO_AUTH_TOKEN": fake.auth_token,
        "PLIVO_ASYNC_BASE_URL": url,
        # In case the user has a proxy configured.
        "NO_PROXY": name,
    }
    if is_beyond_loopback(host):
        settings["PLIVO_ASYNC_ALLOW_HTTP"] = "1"
    return "export " + " ".join(f"{key}={shlex.quote(value)}" for key, value in settings.items()) + "\n"


def announce(exports: str, size: int, host: str) -> None:
    """Print the export line on stdout, and messages on stderr."""
    write(exports)
    if is_beyond_loopback(host):
        report(
            f"warning: it listens on {host}, beyond loopback: anybody who reaches this machine can use it, "
            "and clients send their credentials unencrypted. Give them no real ones"
        )
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
