"""A real PostgreSQL server on a Unix socket, as long as a block."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.services.workers.programs import PATIENCE_SECONDS


class PostgresServer:
    """A PostgreSQL server that a test starts and ends. It is empty, and keeps nothing."""

    def __enter__(self) -> Self:
        programs = _programs()
        # The server refuses to run as root, and the path of a socket must be short.
        user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        self._folder = tempfile.mkdtemp(prefix="pg-", dir="/tmp")
        if user:
            shutil.chown(self._folder, "postgres", "postgres")
        data = f"{self._folder}/data"
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
        ]
        subprocess.run(
            initdb, check=True, capture_output=True, timeout=PATIENCE_SECONDS, cwd=self._folder, **user
        )
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50"]
        self._server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", self._folder, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            **user,
        )
        ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", self._folder, "-U", "postgres"]
        ends = time.monotonic() + PATIENCE_SECONDS
        while subprocess.run(ready, check=False, timeout=PATIENCE_SECONDS).returncode != 0:
            assert self._server.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.02)
        return self

    @property
    def environ(self) -> dict[str, str]:
        """The variables of libpq that lead to it."""
        return {"PGHOST": self._folder, "PGUSER": "postgres", "PGDATABASE": "postgres"}

    @property
    def conninfo(self) -> str:
        """The same for a connection."""
        return f"host={self._folder} user=postgres dbname=postgres"

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.terminate()
        try:
            self._server.wait(PATIENCE_SECONDS)
        finally:
            self._server.kill()
            self._server.wait(PATIENCE_SECONDS)
            shutil.rmtree(self._folder, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next(folder for folder in folders if (folder / "initdb").exists())
