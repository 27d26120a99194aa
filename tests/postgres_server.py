"""A real PostgreSQL server on a Unix socket, as long as a block."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

_PATIENCE_SECONDS = 60.0


@frozen
class PostgresServer:
    """A PostgreSQL server that is empty at first, and keeps nothing.

    Attributes:
        folder: The folder of its socket.
    """

    folder: str

    @property
    def environ(self) -> dict[str, str]:
        """The variables of libpq that lead to it."""
        return {"PGHOST": self.folder, "PGUSER": "postgres", "PGDATABASE": "postgres"}

    @property
    def conninfo(self) -> str:
        """The same for a connection."""
        return f"host={self.folder} user=postgres dbname=postgres"


def postgres_programs() -> Path | None:
    """Return the folder of the PostgreSQL programs; None if it is not installed."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def postgres_server() -> Generator[PostgresServer, None, None]:
    """Start a server, and end it after the block."""
    programs = postgres_programs()
    assert programs is not None, "PostgreSQL is not installed: .ci/servers installs it"
    # The server refuses to run as root, and the path of a socket must be short. TMPDIR may lie in a
    # folder that no other user may enter.
    user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        if user:
            shutil.chown(name, "postgres", "postgres")
        data = f"{name}/data"
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
        subprocess.run(initdb, check=True, capture_output=True, timeout=_PATIENCE_SECONDS, cwd=name, **user)
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50"]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", name, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=name,
            **user,
        )
        try:
            ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", name, "-U", "postgres"]
            ends = time.monotonic() + _PATIENCE_SECONDS
            while subprocess.run(ready, check=False, timeout=_PATIENCE_SECONDS).returncode != 0:
                assert server.poll() is None
                assert time.monotonic() < ends
                time.sleep(0.02)
            yield PostgresServer(name)
        finally:
            server.terminate()
            try:
                server.wait(_PATIENCE_SECONDS)
            finally:
                server.kill()
