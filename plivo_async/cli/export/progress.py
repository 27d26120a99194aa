"""How an export gets on, told on stderr: a live line on a terminal, else a line now and then."""

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

LIVE_SECONDS = 0.25
PLAIN_SECONDS = 10.0
_RATE_SECONDS = 15.0
_SHOWN_PAUSE = 0.1
_LEAST_RATE = 0.01


@frozen(kw_only=True)
class Snapshot:
    """How far it is: `left` is None where nobody knows, `rate` is per second, `pause` in seconds."""

    done: int
    failed: int = 0
    left: int | None = None
    rate: float = 0.0
    pause: float = 0.0

    @property
    def total(self) -> int | None:
        """How many there are; None where nobody knows."""
        return None if self.left is None else self.done + self.left

    @property
    def seconds_left(self) -> float | None:
        """At this rate; None where nobody knows."""
        return None if self.left is None or self.rate < _LEAST_RATE else self.left / self.rate

    def text(self) -> str:
        """One line of it."""
        total = self.total
        parts = [f"{self.done:,}" if total is None else f"{self.done:,} of {total:,}"]
        parts.append(f"{self.failed:,} failed")
        parts.append(f"{self.rate:,.1f}/s")
        seconds = self.seconds_left
        if seconds is not None:
            parts.append(f"{duration(seconds)} left")
        if self.pause >= _SHOWN_PAUSE:
            parts.append(f"waiting {self.pause:.1f} s for the rate limit")
        return " · ".join(parts)


@define
class RateMeter:
    """The rate over the last 15 seconds, three windows of Plivo's limit: bursts and pauses even out."""

    _samples: deque[tuple[float, int]] = field(factory=deque[tuple[float, int]], init=False)

    def rate(self, now: float, done: int) -> float:
        """Take a sample; returns how many a second."""
        self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _RATE_SECONDS:
            self._samples.popleft()
        began, before = self._samples[0]
        return (done - before) / (now - began) if now > began else 0.0


class Display(Protocol):
    """Where progress is shown."""

    seconds: float

    def show(self, snapshot: Snapshot) -> None: ...
    def close(self) -> None: ...


@define
class PlainDisplay:
    """A line each time."""

    seconds: float

    def show(self, snapshot: Snapshot) -> None:
        """Write it."""
        report(snapshot.text())

    def close(self) -> None:
        """There is nothing to close."""


class LiveDisplay:
    """A bar that is drawn again in its place, and gone at the end."""

    seconds = LIVE_SECONDS

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draw it."""
        self._live.update(progress_bar(snapshot), refresh=True)

    def close(self) -> None:
        """Take it from the screen."""
        self._live.stop()


def progress_bar(snapshot: Snapshot) -> RenderableType:
    """A bar and its line."""
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


def display(*, quiet: bool, shares_terminal: bool = False) -> Display | None:
    """What fits stderr; None where nothing is to be shown.

    shares_terminal: the records go to a terminal themselves.
    """
    if quiet or shares_terminal or cast("TextIO | None", sys.stderr) is None:
        return None
    console = Console(stderr=True, highlight=False)
    return (
        LiveDisplay(console)
        if console.is_terminal and not console.is_dumb_terminal
        else PlainDisplay(PLAIN_SECONDS)
    )


@asynccontextmanager
async def showing(on: Display | None, snapshot: Callable[[], Snapshot]) -> AsyncGenerator[None, None]:
    """Progress is shown within this block."""
    if on is None:
        yield
        return
    task = asyncio.create_task(_show(on, snapshot))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        with suppress(OSError):
            on.close()


async def _show(on: Display, snapshot: Callable[[], Snapshot]) -> None:
    # A terminal that went away is no reason to stop an export.
    with suppress(OSError):
        while True:
            await asyncio.sleep(on.seconds)
            on.show(snapshot())
