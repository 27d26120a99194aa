"""The `plivo-async` command. It needs the `cli` extra."""

from __future__ import annotations

import os
import signal

# Nothing else is imported here: Ctrl-C is quiet from the moment that `main` runs.

_EXTRA_PACKAGES = ("click", "rich")


def main() -> int:
    """Run the command in `sys.argv` and return its exit code."""
    at_start = signal.getsignal(signal.SIGINT)
    if at_start is signal.default_int_handler:
        # Not by an exception: Python prints one that it ignores in a callback of an import.
        signal.signal(signal.SIGINT, _exit)
    try:
        try:
            from plivo_async.cli.app import run
        except ModuleNotFoundError as missing:
            if str(missing.name).partition(".")[0] not in _EXTRA_PACKAGES:
                raise
            from plivo_async.cli.streams import write_to_stderr

            write_to_stderr('plivo-async: the command line is an extra: pip install "plivo-async[cli]"\n')
            return 1
        signal.signal(signal.SIGINT, at_start)
        return run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        # Python prints the traceback of an interrupt while it ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _exit(number: int, _frame: object) -> None:
    os._exit(128 + number)
