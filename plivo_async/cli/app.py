"""The command group; turns the error that ends a command into a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from signal import Signals
from typing import Any

import click

from plivo_async._version import __version__
from plivo_async.cli.completion import completion
from plivo_async.cli.demo import demo
from plivo_async.cli.exit_codes import EXIT_CODE_HELP, ExitCode, exit_code
from plivo_async.cli.export.command import export
from plivo_async.cli.export.retry import retry
from plivo_async.cli.fake import fake
from plivo_async.cli.get import get
from plivo_async.cli.list_calls import list_calls
from plivo_async.cli.output import PROGRAM, report, write
from plivo_async.cli.signals import interrupt_on_signals
from plivo_async.cli.streams import flush_or_discard, write_to_stderr
from plivo_async.cli.summarize import summarize
from plivo_async.cli.sync.command import sync
from plivo_async.errors import LifetimeError, PlivoError


class Commands(click.Group):
    """A group whose commands end with Abort when they are interrupted."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command of a context."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # click would write to stderr first, which may be closed.
            raise click.Abort from None


def show_help(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Write the help to stdout, in place of click, which does not expect stdout to be closed or full."""
    if wanted and not context.resilient_parsing:
        write(context.get_help() + "\n")
        context.exit()


def show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Write the version to stdout."""
    if wanted and not context.resilient_parsing:
        write(f"{PROGRAM}, version {__version__}\n")
        context.exit()


def _information_option(callback: Callable[..., None], *names: str, description: str) -> click.Option:
    return click.Option(
        names, is_flag=True, is_eager=True, expose_value=False, help=description, callback=callback
    )


@click.group(cls=Commands, invoke_without_command=True, epilog=EXIT_CODE_HELP, add_help_option=False)
@click.pass_context
def commands(context: click.Context) -> None:
    """Plivo's call detail records (CDRs) on the command line.

    \b
    Try it without an account:
      plivo-async demo
      plivo-async get --fake
    Use it with your own account:
      export PLIVO_AUTH_ID=... PLIVO_AUTH_TOKEN=...
      plivo-async get CALL_UUID
      plivo-async list --since 24h
      plivo-async export -i ids.txt -o calls.ndjson
      plivo-async summarize calls.ndjson
      plivo-async sync calls.db
    """
    if context.invoked_subcommand is None:
        write_to_stderr(context.get_help() + "\n")
        context.exit(ExitCode.FAILED)


commands.params.append(
    _information_option(show_version, "--version", description="Show the version and exit.")
)
for command in (get, list_calls, export, retry, sync, summarize, fake, demo, completion):
    commands.add_command(command)
for command in (commands, *commands.commands.values()):
    command.add_help_option = False
    command.params.append(
        _information_option(show_help, "-h", "--help", description="Show this message and exit.")
    )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: The command line without the program name; None for `sys.argv`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with interrupt_on_signals() as arrived:
            try:
                return _run(given)
            except (click.Abort, KeyboardInterrupt):
                return _interrupted(arrived)
    finally:
        flush_or_discard()


def _run(given: list[str]) -> int:
    try:
        return int(commands.main(given, obj=given, prog_name=PROGRAM, standalone_mode=False) or ExitCode.OK)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else PROGRAM
        report(f"{error.format_message()} (see {path} --help)")
    except click.ClickException as error:
        report(error.format_message())
        return error.exit_code
    except PlivoError as error:
        report(str(error).replace("; patience=", "; --max-wait="))
        return exit_code(error)
    except LifetimeError as error:
        # Such as a wrong event loop: no command makes this mistake, but middleware or a limiter could.
        report(str(error))
    except OSError as error:
        # The last door for a file or a stream: no command expected the error, and the system explains it.
        report(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
    return ExitCode.FAILED


def _interrupted(arrived: Sequence[Signals]) -> ExitCode:
    if arrived:
        return ExitCode(128 + arrived[0])
    # A terminal has shown ^C without a line end.
    write_to_stderr("\n")
    return ExitCode.INTERRUPTED
