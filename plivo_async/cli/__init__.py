"""The `plivo-async` command. It needs the `cli` extra."""

from __future__ import annotations

import sys

_EXTRA_PACKAGES = ("click", "rich")


def main() -> int:
    """Run the command in `sys.argv` and return its exit code."""
    try:
        from plivo_async.cli.app import run
    except ModuleNotFoundError as missing:
        if str(missing.name).partition(".")[0] not in _EXTRA_PACKAGES:
            raise
        sys.stderr.write('plivo-async: the command line is an extra: pip install "plivo-async[cli]"\n')
        return 1
    return run()
