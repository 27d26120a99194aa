from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from plivo_async.testing import FakePlivo
from tests.e2e.installed_command import Installed


@pytest.fixture(autouse=True)
def sigint_reaches_child_processes() -> Iterator[None]:
    """Let child processes handle SIGINT, even if the test run ignores it: they inherit an ignored signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def served() -> Iterator[tuple[FakePlivo, str]]:
    """A fake on loopback without a rate limit, and its URL."""
    fake = FakePlivo(rate_limit=None)
    with fake.serve() as url:
        yield fake, url


@pytest.fixture
def fake(served: tuple[FakePlivo, str]) -> FakePlivo:
    return served[0]


@pytest.fixture
def installed(served: tuple[FakePlivo, str], tmp_path: Path) -> Iterator[Installed]:
    """The installed command in an empty folder, with an environment that selects the fake."""
    fake, url = served
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PLIVO_", "COV_"))}
    environ |= {
        "PLIVO_AUTH_ID": fake.auth_id,
        "PLIVO_AUTH_TOKEN": fake.auth_token,
        "PLIVO_ASYNC_BASE_URL": url,
        "PLIVO_ASYNC_RATE": "none",
        "NO_PROXY": "127.0.0.1",
        "TERM": "xterm-256color",
        "COLUMNS": "100",
    }
    with Installed(tmp_path, environ) as installed:
        yield installed
