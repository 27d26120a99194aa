"""`plivo-async demo`: the whole journey on the fake, in one command."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import click

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.export.command import export
from plivo_async.cli.fake import write_ids
from plivo_async.cli.get import get
from plivo_async.cli.output import PROGRAM, counted, report
from plivo_async.cli.summarize import summarize

# Three per cent of answers: enough for the client to have something to get over.
_FAULTS = 0.03


@click.command()
@click.option(
    "--size", type=click.IntRange(1, 100_000), default=2000, show_default=True, help="How many calls."
)
@click.option("--keep", type=click.Path(), metavar="FOLDER", help="Where the files go, and stay.")
@click.pass_context
def demo(context: click.Context, /, size: int, keep: str | None) -> ExitCode:
    """Fetch a record, export 2,000 at the pace of the rate limit, sum them up: on the built-in fake.

    Needs no account and no network, and takes less than a minute. Each command is shown before it runs. The
    fake answers three requests in a hundred with 500 or 503: the client gets over it.

    \b
    Examples:
      plivo-async demo
      plivo-async demo --size 500 --keep demo-files
    """
    from plivo_async.testing import FakePlivo, RandomFaults, StubResponse

    fake = FakePlivo(random_faults=RandomFaults(rate=_FAULTS, faults=(StubResponse(500), StubResponse(503))))
    calls = fake.generate(size, seed=2)
    environ = {
        "PLIVO_AUTH_ID": fake.auth_id,
        "PLIVO_AUTH_TOKEN": fake.auth_token,
        "PLIVO_ASYNC_PROXY": "",
        "NO_PROXY": "127.0.0.1",
    }
    with _folder(keep) as name, fake.serve() as url:
        ids, output = Path(name) / "ids.txt", Path(name) / "calls.ndjson"
        write_ids(ids, calls)
        report(f"a fake Plivo with {counted(size, 'call')} listens on {url}")
        base = ["--base-url", url]
        steps: list[tuple[click.Command, list[str]]] = [
            (get, [*base, "-o", "table", calls[0]]),
            (export, [*base, "-i", str(ids), "-o", str(output), "--overwrite", "--summary", "none"]),
            (summarize, [str(output), "-o", "table"]),
        ]
        with _environment(environ):
            # Up to the first that fails.
            return next(filter(None, (_run(context, *step) for step in steps)), ExitCode.OK)


def _run(context: click.Context, command: click.Command, arguments: list[str]) -> ExitCode:
    words = [str(command.name), *arguments]
    report(f"$ {shlex.join([PROGRAM, *words])}")
    with command.make_context(command.name, list(arguments), parent=context, obj=words) as step:
        return ExitCode(step.invoke(command, **step.params))


def _folder(keep: str | None) -> AbstractContextManager[str]:
    if keep is None:
        return tempfile.TemporaryDirectory(prefix="plivo-async-demo-")
    try:
        Path(keep).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"cannot make the folder {keep}: {error.strerror}") from None
    return nullcontext(keep)


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None, None, None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
