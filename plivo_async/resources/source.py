"""The source of a batch's call UUIDs: any iterable or async iterable, read as the work proceeds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import Any

from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr


class Source:
    """One iterator that many tasks pull from in turn. It numbers the call UUIDs.

    Raises:
        ConfigurationError: No iterable, or a single text.
    """

    def __init__(self, call_uuids: Iterable[Any] | AsyncIterable[Any]) -> None:
        # A str is an iterable of characters, each of which would look like a call UUID.
        if isinstance(call_uuids, str | bytes | bytearray) or not isinstance(
            call_uuids, Iterable | AsyncIterable
        ):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                "call_uuids must be an iterable or async iterable of call UUIDs, such as a list, "
                f"not {short_repr(call_uuids)}"
            )
        self._call_uuids: Any = call_uuids
        self._is_async = isinstance(call_uuids, AsyncIterable)
        self._iterator: Any = None
        self._turns = asyncio.Lock()
        self._puller: asyncio.Task[Any] | None = None
        self._pulled = 0
        self._over = self._stopped = False

    async def pull(self) -> tuple[int, Any] | None:
        """Return the number of the next call UUID, from 1, and the call UUID; None at the end.

        Raises:
            Exception: The one that the iterable raises.
        """
        async with self._turns:
            if self._over:
                return None
            self._puller = asyncio.current_task()
            try:
                if self._iterator is None:
                    self._iterator = aiter(self._call_uuids) if self._is_async else iter(self._call_uuids)
                call_uuid = await anext(self._iterator) if self._is_async else next(self._iterator)
            except BaseException as end:
                self._over = True
                if isinstance(end, StopIteration | StopAsyncIteration):
                    return None
                if isinstance(end, asyncio.CancelledError) and self._stopped:
                    return None
                raise
            finally:
                self._puller = None
            self._pulled += 1
            return self._pulled, call_uuid

    def stop(self) -> None:
        """End the source: further pulls return None, and so does one that waits."""
        self._over = self._stopped = True
        if self._puller is not None:
            self._puller.cancel()

    async def close(self) -> None:
        """Close the iterator if it is a generator, which may hold a file or a cursor."""
        iterator = self._iterator
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
        elif isinstance(iterator, Generator):
            iterator.close()
