"""Runs the installed `plivo-async`, piped or in a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from plivo_async.testing import FakePlivo

COMMAND = str(Path(sys.executable).with_name("plivo-async"))
# Ends a hang; it decides no test.
PATIENCE_SECONDS = 120.0
# Makes the terminal on stdin the controlling one, then becomes the command.
_IN_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class InTerminal:
    """A command with a pseudo-terminal as stdin and stderr.

    Attributes:
        screen: All output of the command to the terminal.
        process: The process of the command. It is killed after a while, so that no wait for it is endless.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, environ: dict[str, str], stdout: int | None
    ) -> None:
        self._master, slave = pty.openpty()
        self.screen = ""
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, COMMAND, *arguments],
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            cwd=folder,
            env=environ,
            start_new_session=True,
        )
        os.close(slave)
        self._watchdog = watchdog(self.process)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                read = os.read(self._master, 65536)
            except OSError:
                # Linux raises EIO once the other side is closed.
                read = b""
            if not read:
                return
            with self._changed:
                self.screen += read.decode("utf-8", "replace")
                self._changed.notify_all()

    def wait_for(self, *texts: str) -> None:
        """Wait until the screen has shown all of these texts."""
        with self._changed:
            shown = self._changed.wait_for(
                lambda: all(text in self.screen for text in texts), PATIENCE_SECONDS
            )
        assert shown, self.screen

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def wait(self) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    def close(self) -> None:
        self._watchdog.cancel()
        if self.process.poll() is None:
            self.process.kill()
            self.wait()
        os.close(self._master)


class Installed:
    """The command in a folder, with an environment."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = environ
        self._at_end: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for end in reversed(self._at_end):
            end()

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run the command with pipes, to its end."""
        return subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environ,
            timeout=PATIENCE_SECONDS,
        )

    def shell(self, script: str) -> subprocess.CompletedProcess[bytes]:
        """Run a shell script; `$command` is the path of the command."""
        return subprocess.run(
            ["/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={**self.environ, "command": COMMAND},
            timeout=PATIENCE_SECONDS,
        )

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start the command with pipes. It is killed after a while, so that no read of a pipe is endless."""
        process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environ,
        )
        timer = watchdog(process)
        self._at_end.append(lambda: end(process, timer))
        return process

    def in_terminal(self, *arguments: str, stdout: int | None = None) -> InTerminal:
        """Start the command in a terminal; stdout is the terminal too, unless another one is given."""
        terminal = InTerminal(arguments, self.folder, self.environ, stdout)
        self._at_end.append(terminal.close)
        return terminal


def after_requests(fake: FakePlivo, count: int, *, latency: float) -> threading.Event:
    """Return an event that is set after `count` requests; delay all responses by `latency` seconds.

    The later responses take a second or more, so that the command still runs when the test acts.
    """
    arrived = threading.Event()

    def late() -> float:
        if len(fake.requests) < count:
            return latency
        arrived.set()
        return max(latency, 1.0)

    fake.latency = late
    return arrived


def watchdog(process: subprocess.Popen[bytes]) -> threading.Timer:
    """Kill a process after a while, unless the timer is cancelled."""
    timer = threading.Timer(PATIENCE_SECONDS, process.kill)
    timer.daemon = True
    timer.start()
    return timer


def end(process: subprocess.Popen[bytes], timer: threading.Timer) -> None:
    """Kill a process that still runs, and close its pipes."""
    timer.cancel()
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE_SECONDS)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
