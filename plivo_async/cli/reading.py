"""Shows on stderr how many records of a long file were read so far."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from attrs import define, field

from plivo_async.cli.live_lines import LIVE_INTERVAL_SECONDS, PLAIN_INTERVAL_SECONDS, LiveLines, live_renderer
from plivo_async.cli.output import counted, report
from plivo_async.cli.renderer import Renderer
from plivo_async.text import printable

# A record takes some 30 µs, and the clock need not be read for each.
_RECORDS_PER_LOOK = 1000


@define
class ReadingCount:
    """Counts records, and shows the count at intervals.

    Attributes:
        name: The name of the file.
        count: The number of records so far.
    """

    name: str
    _clock: Callable[[], float]
    _renderer: Renderer | None = field(factory=live_renderer, init=False)
    _lines: LiveLines | None = field(default=None, init=False)
    _due: float = field(init=False)
    count: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        if self._renderer is not None:
            self._lines = LiveLines(sys.stderr)
        self._due = self._clock() + self._interval

    def add(self) -> None:
        """Count a record."""
        self.count += 1
        if self.count % _RECORDS_PER_LOOK:
            return
        now = self._clock()
        if now >= self._due:
            self._due = now + self._interval
            self._show()

    def close(self) -> None:
        """Remove the count from the terminal."""
        if self._lines is not None:
            with suppress(OSError):
                self._lines.close()

    @property
    def _interval(self) -> float:
        return PLAIN_INTERVAL_SECONDS if self._renderer is None else LIVE_INTERVAL_SECONDS

    def _show(self) -> None:
        records = counted(self.count, "record")
        text = f"Reading back {printable(self.name)}: {records}"
        if self._renderer is None or self._lines is None:
            report(text)
            return
        if len(text) >= self._renderer.console.width:
            text = f"Reading back: {records}"
        try:
            self._lines.draw([text])
        except OSError:
            # The terminal is gone.
            self._due = math.inf


@contextmanager
def reading_back(
    name: str, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
) -> Generator[Callable[[], None], None, None]:
    """Show how many records of a file were read, if that takes long; yield the function that counts one.

    Args:
        name: The name of the file.
        quiet: Whether the user wants no display.
        clock: Returns seconds.
    """
    if quiet:
        yield lambda: None
        return
    reading = ReadingCount(name, clock)
    try:
        yield reading.add
    finally:
        reading.close()
