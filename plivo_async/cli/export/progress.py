"""The progress of an export on stderr: a live line on a terminal, else a line at intervals."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TextIO, cast

from attrs import define, field, frozen
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from plivo_async.cli.output import report
from plivo_async.cli.summary_table import duration
from plivo_async.resources.holding import Holding

LIVE_INTERVAL_SECONDS = 0.25
PLAIN_INTERVAL_SECONDS = 10.0
_RATE_WINDOW_SECONDS = 15.0
_MIN_SHOWN_PAUSE_SECONDS = 0.1
_MIN_RATE_PER_SECOND = 0.01


@frozen(kw_only=True)
class Snapshot:
    """The progress at one moment.

    Attributes:
        done: The number of calls that ended, failures included.
        failed: The number of failures.
        left: The number of calls left; None if unknown.
        rate: Calls per second.
        waiting: Why nothing is sent, and for how long; empty if something is.
    """

    done: int
    failed: int = 0
    left: int | None = None
    rate: float = 0.0
    waiting: str = ""

    @property
    def total(self) -> int | None:
        """The number of calls; None if unknown."""
        return None if self.left is None else self.done + self.left

    @property
    def seconds_left(self) -> float | None:
        """The time left at this rate; None if unknown."""
        return None if self.left is None or self.rate < _MIN_RATE_PER_SECOND else self.left / self.rate

    def text(self) -> str:
        """Return the progress as one line."""
        total = self.total
        parts = [f"{self.done:,}" if total is None else f"{self.done:,} of {total:,}"]
        parts.append(f"{self.failed:,} failed")
        parts.append(f"{self.rate:,.1f}/s")
        seconds = self.seconds_left
        if seconds is not None:
            parts.append(f"{duration(seconds)} left")
        if self.waiting:
            parts.append(self.waiting)
        return " · ".join(parts)


def waiting_text(holding: Holding | None, now: float) -> str:
    """Return why a batch sends nothing, and for how long; empty if it does, or will at once."""
    if holding is None:
        return ""
    left = holding.seconds_left(now)
    if holding.reason == "outage":
        since = f"no success for {duration(now - holding.since)}"
        probing = "probing" if left is None else f"next probe in {left:.1f} s"
        return f"{since}, {probing}" + (f" ({type(holding.error).__name__})" if holding.error else "")
    what = "for the rate limit" if holding.reason == "rate limit" else "after HTTP 429"
    if left is None:
        return f"waiting {what}"
    return f"waiting {left:.1f} s {what}" if left >= _MIN_SHOWN_PAUSE_SECONDS else ""


@define
class RateMeter:
    """The rate over the last 15 seconds: three windows of Plivo's limit, to average bursts and pauses."""

    _samples: deque[tuple[float, int]] = field(factory=deque[tuple[float, int]], init=False)

    def rate(self, now: float, done: int) -> float:
        """Add a sample and return the calls per second."""
        self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _RATE_WINDOW_SECONDS:
            self._samples.popleft()
        began, before = self._samples[0]
        return (done - before) / (now - began) if now > began else 0.0


class Display(Protocol):
    """Shows progress.

    Attributes:
        interval: The seconds between two snapshots.
    """

    interval: float

    def show(self, snapshot: Snapshot) -> None: ...
    def close(self) -> None: ...


@define
class PlainDisplay:
    """Writes a line for each snapshot."""

    interval: float

    def show(self, snapshot: Snapshot) -> None:
        """Write the line."""
        report(snapshot.text())

    def close(self) -> None:
        """Do nothing."""


class LiveDisplay:
    """Redraws a bar in place and removes it at the end."""

    interval = LIVE_INTERVAL_SECONDS

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draw the bar."""
        self._live.update(progress_bar(snapshot), refresh=True)

    def close(self) -> None:
        """Remove the bar from the screen."""
        self._live.stop()


def progress_bar(snapshot: Snapshot) -> RenderableType:
    """Return a bar with its line of text."""
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(no_wrap=True, overflow="ellipsis")
    total = snapshot.total
    if total is None:
        bar = ProgressBar(total=None, width=20, pulse=True)
    else:
        bar = ProgressBar(total=max(1, total), completed=snapshot.done if total else 1, width=20)
    row.add_row(bar, Text(snapshot.text()))
    return row


def choose_display(*, quiet: bool, shares_terminal: bool = False) -> Display | None:
    """Return the display that suits stderr; None for no display.

    Args:
        quiet: Whether the user wants none.
        shares_terminal: Whether the records are written to a terminal.
    """
    if quiet or shares_terminal or cast("TextIO | None", sys.stderr) is None:
        return None
    console = Console(stderr=True, highlight=False)
    return (
        LiveDisplay(console)
        if console.is_terminal and not console.is_dumb_terminal
        else PlainDisplay(PLAIN_INTERVAL_SECONDS)
    )


@asynccontextmanager
async def show_progress(
    display: Display | None, snapshot: Callable[[], Snapshot]
) -> AsyncGenerator[None, None]:
    """Show progress within this block."""
    if display is None:
        yield
        return
    task = asyncio.create_task(_show(display, snapshot))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        with suppress(OSError):
            display.close()


async def _show(display: Display, snapshot: Callable[[], Snapshot]) -> None:
    # A lost terminal must not stop an export.
    with suppress(OSError):
        while True:
            await asyncio.sleep(display.interval)
            display.show(snapshot())
