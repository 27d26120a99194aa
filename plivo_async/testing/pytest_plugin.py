"""pytest fixtures: `fake_plivo`, `plivo_client` and `fake_plivo_url`.

They come with the package: pytest finds them without an import. Overriding the first changes all of them:

    @pytest.fixture
    def fake_plivo():
        return FakePlivo(my_records, rate_limit=None)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

# Every pytest run in an environment with this package loads this module: what it needs is imported when used.
if TYPE_CHECKING:
    from plivo_async import AsyncClient
    from plivo_async.testing import FakePlivo


@pytest.fixture
def fake_plivo() -> FakePlivo:
    """A fake Plivo, new for each test, that has the record of Plivo's documentation."""
    from plivo_async.testing import FakePlivo

    return FakePlivo()


@pytest.fixture
def plivo_client(fake_plivo: FakePlivo) -> AsyncClient:
    """An AsyncClient that asks `fake_plivo` in process and retries without waiting.

    It needs no event loop to be built and holds nothing that must be closed: it goes with pytest-asyncio
    and anyio.
    """
    return fake_plivo.client()


@pytest.fixture
def fake_plivo_url(fake_plivo: FakePlivo) -> Iterator[str]:
    """The URL of `fake_plivo` on a socket of 127.0.0.1, served from a thread until the test ends."""
    with fake_plivo.serve() as url:
        yield url
