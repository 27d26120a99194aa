"""A real redis-server on a loopback port, as long as a block. It keeps nothing on the disk."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# Ends a hang; it decides no test.
PATIENCE_SECONDS = 30.0
_ATTEMPTS = 5


class RedisServer:
    """A redis-server that a test starts, ends, and may hang or replace in between.

    Args:
        folder: Where it works and logs.
        *options: More arguments, such as `--maxmemory`, `1mb`.
        password: What a client must send; None for no password.
    """

    def __init__(self, folder: Path, *options: str, password: str | None = None) -> None:
        self._folder = folder
        self._options: Sequence[str] = options
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The URL of its first database, with the password."""
        user = "" if self._password is None else f":{self._password}@"
        return f"redis://{user}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it: on a free port the first time, on the same port again after that. It begins empty."""
        for _ in range(_ATTEMPTS):
            port = self.port or free_port()
            if self._is_started_on(port):
                self.port = port
                return
        raise AssertionError(self._log.read_text())

    @property
    def _log(self) -> Path:
        return self._folder / "redis.log"

    def _is_started_on(self, port: int) -> bool:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "no", "--logfile", str(self._log), *self._options]
        if self._password is not None:
            command += ["--requirepass", self._password]
        self._process = process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        patient_until = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < patient_until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
                # Another program may have been faster on this port.
                return process.poll() is None
            time.sleep(0.01)
        self.stop()
        return False

    def stop(self) -> None:
        """End it at once, whatever it does: its data is lost, and connections to it are closed."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE_SECONDS)

    def hang(self) -> None:
        """Let it accept connections and answer nothing, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again, also what was asked meanwhile."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
