"""pytest fixtures: `fake_plivo`, `plivo_client`, `fake_plivo_url` and `plivo_mock`.

pytest finds them without an import. Override `fake_plivo` to change the first three:

    @pytest.fixture
    def fake_plivo():
        return FakePlivo(my_records, rate_limit=None)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

# Every pytest run in an environment with this package loads this module, so it imports late.
if TYPE_CHECKING:
    from plivo_async import AsyncClient
    from plivo_async.testing import FakePlivo


@pytest.fixture
def fake_plivo() -> FakePlivo:
    """A new fake Plivo for each test, with the record in Plivo's documentation."""
    from plivo_async.testing import FakePlivo

    return FakePlivo()


@pytest.fixture
def plivo_client(fake_plivo: FakePlivo) -> AsyncClient:
    """An AsyncClient that calls `fake_plivo` in process and retries without waiting.

    It needs neither an event loop to be created nor closing, so it works with pytest-asyncio and anyio.
    """
    return fake_plivo.client()


@pytest.fixture
def fake_plivo_url(fake_plivo: FakePlivo) -> Iterator[str]:
    """The URL of `fake_plivo` on 127.0.0.1, served from a thread until the test ends."""
    with fake_plivo.serve() as url:
        yield url


@pytest.fixture
def plivo_mock() -> Any:
    """An autospec of AsyncClient that sends nothing: set what its methods return or raise."""
    from plivo_async.testing import mock_client

    return mock_client()
