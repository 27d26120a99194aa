"""`plivo-async demo`: get, export and summarize on the built-in fake, in one command."""

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

# The share of responses that fail, so that the client has something to retry.
_FAULT_SHARE = 0.03
_FILES = ("ids.txt", "calls.ndjson", "calls.ndjson.failed")


@click.command()
@click.option(
    "--size",
    type=click.IntRange(1, 100_000),
    default=2000,
    show_default=True,
    metavar="COUNT",
    help="The number of calls.",
)
@click.option(
    "--keep",
    type=click.Path(),
    metavar="FOLDER",
    help="A folder to keep ids.txt and calls.ndjson in. If one of them exists, the command stops.  "
    "[default: delete them]",
)
@click.pass_context
def demo(context: click.Context, /, size: int, keep: str | None) -> ExitCode:
    """Show get, export and summarize on the built-in fake Plivo.

    It needs no account and no network, and takes less than a minute. Each command is shown before it runs.
    The export is paced by the rate limit. The fake responds to 3 % of the requests with 500 or 503, and the
    client retries them.

    \b
    Examples:
      plivo-async demo
      plivo-async demo --size 500 --keep demo-files
    """
    from plivo_async.testing import FakePlivo, RandomFaults, StubResponse

    faults = (StubResponse(500), StubResponse(503))
    fake = FakePlivo(random_faults=RandomFaults(rate=_FAULT_SHARE, faults=faults))
    calls = fake.generate(size, seed=2)
    environ = {
        "PLIVO_AUTH_ID": fake.auth_id,
        "PLIVO_AUTH_TOKEN": fake.auth_token,
        "PLIVO_ASYNC_PROXY": "",
        "NO_PROXY": "127.0.0.1",
    }
    with _folder(keep) as name, fake.serve() as url:
        ids, output = (Path(name) / file for file in _FILES[:2])
        write_ids(ids, calls)
        report(f"a fake Plivo with {counted(size, 'call')} is listening on {url}")
        base = ["--base-url", url]
        steps: list[tuple[click.Command, list[str]]] = [
            (get, [*base, "-o", "table", calls[0]]),
            (export, [*base, "-i", str(ids), "-o", str(output), "--summary", "none"]),
            (summarize, [str(output), "-o", "table"]),
        ]
        with _environment(environ):
            for command, arguments in steps:
                code = _run(context, command, arguments)
                if code is not ExitCode.OK:
                    return code
    return ExitCode.OK


def _run(context: click.Context, command: click.Command, arguments: list[str]) -> ExitCode:
    words = [str(command.name), *arguments]
    report(f"$ {shlex.join([PROGRAM, *words])}")
    with command.make_context(command.name, list(arguments), parent=context, obj=words) as step:
        return ExitCode(step.invoke(command, **step.params))


def _folder(keep: str | None) -> AbstractContextManager[str]:
    if keep is None:
        try:
            return tempfile.TemporaryDirectory(prefix="plivo-async-demo-")
        except OSError as error:
            raise click.ClickException(
                f"cannot create a temporary folder: {error.strerror}; name a folder with --keep"
            ) from None
    try:
        Path(keep).mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            if os.path.lexists(Path(keep) / name):
                raise click.ClickException(
                    f"{Path(keep) / name} already exists: name a folder without it with --keep"
                )
    except OSError as error:
        raise click.ClickException(f"cannot create the folder {keep}: {error.strerror}") from None
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
