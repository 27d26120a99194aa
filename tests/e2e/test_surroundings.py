"""The installed command with streams that are closed or full, up to the end of its process.

`python -m tests.benchmarks.surroundings` runs every command in many more of them.
"""

from __future__ import annotations

from tests.e2e.installed_command import Installed


def test_a_stdout_that_is_full_fails_the_command(installed: Installed) -> None:
    done = installed.shell("$command --help >/dev/full")

    assert done.returncode == 1
    assert done.stderr == b"plivo-async: cannot write to stdout: No space left on device\n"


def test_a_stdin_that_is_closed_fails_the_command(installed: Installed) -> None:
    done = installed.shell("$command summarize - <&-")

    assert (done.returncode, done.stderr) == (1, b"plivo-async: stdin is closed\n")


def test_a_stderr_that_is_full_changes_no_exit_code(installed: Installed) -> None:
    assert installed.shell("$command export -o calls.ndjson no-such-call 2>/dev/full").returncode == 6
