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
from typing import Any, Self

from plivo_async.testing import FakePlivo

COMMAND = str(Path(sys.executable).with_name("plivo-async"))
# A bound against hangs, which decides nothing.
PATIENCE = 120.0
# Becomes the command, once the terminal on its stdin is the one that controls it.
_IN_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class InTerminal:
    """A command whose stdin and stderr are a pseudo-terminal of its own; `screen` is what that was sent."""

    def __init__(self, arguments: Sequence[str], folder: Path, environ: dict[str, str], stdout: Any) -> None:
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
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                read = os.read(self._master, 65536)
            except OSError:
                # What Linux says when nobody has the other side open any more.
                read = b""
            if not read:
                return
            with self._changed:
                self.screen += read.decode("utf-8", "replace")
                self._changed.notify_all()

    def wait_for(self, *texts: str) -> None:
        """Wait until the screen has shown all of these."""
        with self._changed:
            shown = self._changed.wait_for(lambda: all(text in self.screen for text in texts), PATIENCE)
        assert shown, self.screen

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def close(self) -> None:
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
        """Run it, piped, to its end."""
        return subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environ,
            timeout=PATIENCE,
        )

    def shell(self, script: str) -> subprocess.CompletedProcess[bytes]:
        """Run a shell script in which `$command` is the command."""
        return subprocess.run(
            ["/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={**self.environ, "command": COMMAND},
            timeout=PATIENCE,
        )

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start it, piped."""
        process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environ,
        )
        self._at_end.append(lambda: end(process))
        return process

    def in_terminal(self, *arguments: str, stdout: Any = None) -> InTerminal:
        """Start it in a terminal; stdout is one, too, unless another one is given."""
        terminal = InTerminal(arguments, self.folder, self.environ, stdout)
        self._at_end.append(terminal.close)
        return terminal


def after_requests(fake: FakePlivo, count: int, *, latency: float) -> threading.Event:
    """An event for when so many requests came; from now on the fake answers this late."""
    came = threading.Event()

    def late() -> float:
        if len(fake.requests) >= count:
            came.set()
        return latency

    fake.latency = late
    return came


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process whatever it does, and close its pipes."""
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
