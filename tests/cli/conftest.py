from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from plivo_async.testing import FakePlivo


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials and settings of whoever runs the tests are not for the tests."""
    for name in [name for name in os.environ if name.startswith("PLIVO_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def signals_put_back() -> Iterator[None]:
    """A command that was stopped ignores further signals, for its process is about to end."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlivo]:
    """A fake on loopback without a rate limit, that every command asks; it has 61 calls."""
    fake = FakePlivo(rate_limit=None)
    fake.generate(60, seed=1)
    with fake.serve() as url:
        monkeypatch.setenv("PLIVO_AUTH_ID", fake.auth_id)
        monkeypatch.setenv("PLIVO_AUTH_TOKEN", fake.auth_token)
        monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield fake


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
