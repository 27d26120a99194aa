"""`plivo-async completion`: what makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.output import PROGRAM, write

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
# What click looks for when the command starts.
_VARIABLE = "_PLIVO_ASYNC_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> ExitCode:
    """Print what makes a shell complete the command, its options and file names.

    \b
    Once, for every new shell:
      plivo-async completion bash >> ~/.bashrc
      plivo-async completion zsh >> ~/.zshrc
      plivo-async completion fish > ~/.config/fish/completions/plivo-async.fish
    """
    complete = _SHELLS[shell](context.find_root().command, {}, PROGRAM, _VARIABLE)
    # Not source(): for bash that starts one, to look at its version.
    write((complete.source_template % complete.source_vars()).strip() + "\n")
    return ExitCode.OK
