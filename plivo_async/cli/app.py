"""The command group; turns the error that ends a command into a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from plivo_async._version import __version__
from plivo_async.cli.completion import completion
from plivo_async.cli.demo import demo
from plivo_async.cli.exit_codes import EXIT_CODE_HELP, ExitCode, exit_code
from plivo_async.cli.export.command import export
from plivo_async.cli.fake import fake
from plivo_async.cli.get import get
from plivo_async.cli.output import PROGRAM, report
from plivo_async.cli.summarize import summarize
from plivo_async.errors import PlivoError


@click.group(
    invoke_without_command=True,
    epilog=EXIT_CODE_HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name=PROGRAM)
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
      plivo-async export -i ids.txt -o calls.ndjson
      plivo-async summarize calls.ndjson
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(ExitCode.FAILED)


for command in (get, export, summarize, fake, demo, completion):
    commands.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: The command line without the program name; None for `sys.argv`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(commands.main(given, obj=given, prog_name=PROGRAM, standalone_mode=False) or ExitCode.OK)
    except click.Abort:
        return ExitCode.INTERRUPTED
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else PROGRAM
        report(f"{error.format_message()} (see {path} --help)")
    except click.ClickException as error:
        report(error.format_message())
        return error.exit_code
    except PlivoError as error:
        report(str(error))
        return exit_code(error)
    return ExitCode.FAILED
