"""Worker processes, and the account that they work on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeAlias

import httpx

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
# Ends a hang; it decides no test. On a busy machine, the backoffs of a queue alone add up to a minute.
PATIENCE_SECONDS = 240.0
POLL_SECONDS = 0.1
Rows: TypeAlias = dict[str, tuple[Any, str | None]]


def wait_until(is_true: Callable[[], bool], shown: Callable[[], str]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        assert time.monotonic() < ends, shown()
        time.sleep(POLL_SECONDS)


class Program:
    """A process with a group of its own, and a log."""

    def __init__(self, command: Sequence[str], folder: Path, environ: dict[str, str], name: str) -> None:
        self._log_file = folder / f"{name}.log"
        # A second process of the same name goes on in the same log.
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log_file.read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until_it_handles_sigterm(self) -> None:
        """Wait until its imports are done: before, SIGTERM ends Python at once, with code -15."""

        def handles() -> bool:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
            return bool(int(caught, 16) >> signal.SIGTERM - 1 & 1)

        wait_until(handles, lambda: f"no handler of SIGTERM\n{self.log}")

    def kill(self) -> None:
        """End it and its children as a machine does that is switched off."""
        if self._process.poll() is None or self._group_lives():
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)

    def _group_lives(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def terminate(self) -> int:
        """End it as a supervisor does, by SIGTERM to its first process. Return its code."""
        self._process.terminate()
        return self._process.wait(PATIENCE_SECONDS)


class Account:
    """A fake Plivo in a process of its own, and a folder in which programs work for it."""

    def __init__(self, folder: Path, size: int, redis_url: str, *, flaky: int = 0) -> None:
        self.folder = folder
        # Another sink is read in another way.
        self.query: Callable[[str], list[tuple[Any, ...]]] = self._query_sqlite
        self.find_table = "SELECT 1 FROM sqlite_master WHERE name = 'calls'"
        self._has_table = False
        self._stack = ExitStack()
        self._programs: dict[str, Program] = {}
        command = [sys.executable, "-m", "tests.services.workers.fake_account", str(size), str(flaky)]
        self._fake = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        output: IO[str] | None = self._fake.stdout
        assert output is not None
        facts = json.loads(output.readline())
        self.call_uuids: list[str] = facts["call_uuids"]
        self._url = facts["url"]
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith(("PLIVO_", "COV"))
        }
        self.environ = inherited | {
            "PLIVO_AUTH_ID": facts["id"],
            "PLIVO_AUTH_TOKEN": facts["token"],
            "PLIVO_ASYNC_BASE_URL": self._url,
            "NO_PROXY": "127.0.0.1",
            "REDIS_URL": redis_url,
            "PYTHONPATH": os.pathsep.join([str(EXAMPLES), str(folder)]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *arguments: str) -> str:
        """Run Python to its end."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, *arguments: str) -> Program:
        """Start a Python program."""
        program = Program([sys.executable, *arguments], self.folder, self.environ, name)
        self._programs[name] = program
        self._stack.callback(program.kill)
        return program

    @property
    def logs(self) -> str:
        return "\n".join(f"--- {name}\n{program.log[-4000:]}" for name, program in self._programs.items())

    @property
    def statistics(self) -> dict[str, Any]:
        statistics: dict[str, Any] = httpx.get(f"{self._url}/_fake/statistics", trust_env=False).json()
        return statistics

    @property
    def rows(self) -> Rows:
        """The record and the error of each call in the sink."""
        found = self.query("SELECT call_uuid, record, error FROM calls")
        return {call_uuid: (record, error) for call_uuid, record, error in found}

    def _query_sqlite(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "calls.db", timeout=PATIENCE_SECONDS)) as database:
            return database.execute(query).fetchall()

    def _count(self) -> int:
        # A worker makes the file and the table.
        if not self._has_table:
            self._has_table = bool(self.query(self.find_table))
        return self.query("SELECT count(*) FROM calls")[0][0] if self._has_table else 0

    def wait_for_rows(self, least: int) -> None:
        wait_until(lambda: self._count() >= least, lambda: f"{self._count()} of {least} rows\n{self.logs}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._stack.close()
        finally:
            self._fake.communicate(timeout=PATIENCE_SECONDS)
