from __future__ import annotations

import asyncio
import ssl

import pytest

from tests.faults.certificates import Authority
from tests.faults.fault_server import Clock
from tests.faults.proxying import HOST


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, proxies and CAs of whoever runs the tests are not for the tests."""
    for name in ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def clock() -> Clock:
    return Clock(asyncio.get_running_loop())


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def origin(authority: Authority) -> ssl.SSLContext:
    """The server behind a proxy."""
    return authority.server(HOST)
