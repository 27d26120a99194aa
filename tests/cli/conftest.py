from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from plivo_async.testing import FakePlivo


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the credentials and settings of the developer from the tests."""
    for name in [name for name in os.environ if name.startswith("PLIVO_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def default_signal_handlers() -> Iterator[None]:
    """Handle signals in a test as in a terminal, even if the test run ignores SIGINT.

    A command that was stopped ignores further signals, so the handlers are restored afterwards.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlivo]:
    """A fake on loopback that all commands use: 61 calls, no rate limit."""
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
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
