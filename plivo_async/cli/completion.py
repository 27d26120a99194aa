"""`plivo-async completion`: the script that adds completion to a shell."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.output import PROGRAM, write

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
# click reads this variable when the command starts.
_VARIABLE = "_PLIVO_ASYNC_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> ExitCode:
    """Print a script that completes commands in a shell.

    It completes commands, options and file names.

    \b
    Run one of these once; it takes effect in every new shell:
      plivo-async completion bash >> ~/.bashrc
      plivo-async completion zsh >> ~/.zshrc
      plivo-async completion fish > ~/.config/fish/completions/plivo-async.fish
    """
    complete = _SHELLS[shell](context.find_root().command, {}, PROGRAM, _VARIABLE)
    # source() would start a bash process to check its version.
    write((complete.source_template % complete.source_vars()).strip() + "\n")
    return ExitCode.OK
