"""The source of a batch's call UUIDs: any iterable or async iterable, read as the work proceeds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import Any

from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr


class Source:
    """One iterator that many tasks pull from, one at a time.

    Args:
        call_uuids: The iterable.

    Raises:
        ConfigurationError: Not an iterable, or one text.

    Attributes:
        over: Whether nothing more comes.
        pulling: Whether a task is waiting for the next id.
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
        self._puller: asyncio.Task[Any] | None = None
        self._pulled = 0
        self._stopped = False
        self.over = False
        self.pulling = False

    async def pull(self) -> tuple[int, Any] | None:
        """Return the number of the next call UUID, from 1, and the call UUID; None at the end.

        Raises:
            Exception: The one that the iterable raises.
        """
        self.pulling = True
        try:
            if self._iterator is None:
                self._iterator = aiter(self._call_uuids) if self._is_async else iter(self._call_uuids)
            if self._is_async:
                self._puller = asyncio.current_task()
                call_uuid = await anext(self._iterator)
            else:
                call_uuid = next(self._iterator)
        except BaseException as end:
            self.over = True
            if isinstance(end, StopIteration | StopAsyncIteration):
                return None
            if isinstance(end, asyncio.CancelledError) and self._stopped:
                return None
            raise
        finally:
            self._puller = None
            self.pulling = False
        self._pulled += 1
        return self._pulled, call_uuid

    def stop(self) -> None:
        """Pull nothing more, even if a task is waiting for the next id."""
        self.over = self._stopped = True
        if self._puller is not None:
            self._puller.cancel()

    def close_now(self) -> None:
        """Close a generator that can be closed without a wait."""
        iterator = self._iterator
        if isinstance(iterator, Generator):
            iterator.close()

    async def close(self) -> None:
        """Close an async generator, which no task may be waiting for."""
        iterator = self._iterator
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
