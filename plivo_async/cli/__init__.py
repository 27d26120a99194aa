"""The `plivo-async` command. Needs the `cli` extra."""

from __future__ import annotations

import sys

_NEEDED = ("click", "rich")


def main() -> int:
    """Run the command that `sys.argv` asks for; returns its exit code."""
    try:
        from plivo_async.cli.app import run
    except ModuleNotFoundError as missing:
        if str(missing.name).partition(".")[0] not in _NEEDED:
            raise
        sys.stderr.write('plivo-async: the command line is an extra: pip install "plivo-async[cli]"\n')
        return 1
    return run()
