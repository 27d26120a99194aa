"""The progress of an export on stderr: a live line on a terminal, else a line at intervals."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TextIO, cast

from attrs import define, field, frozen
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from plivo_async.cli.live_lines import LIVE_INTERVAL_SECONDS, PLAIN_INTERVAL_SECONDS, LiveLines, live_renderer
from plivo_async.cli.output import report
from plivo_async.cli.renderer import Renderer
from plivo_async.cli.summary_table import duration
from plivo_async.resources.holding import Holding

_RATE_WINDOW_SECONDS = 15.0
_MIN_SHOWN_PAUSE_SECONDS = 0.1
_MIN_RATE_PER_SECOND = 0.01
# A narrower terminal gets two lines.
_ONE_LINE_CHARACTERS = 48
# From this width on, the bar is so wide.
_BAR_WIDTHS = ((99, 20), (59, 10))


@frozen(kw_only=True)
class Snapshot:
    """The progress at one moment.

    Attributes:
        done: The number of calls that ended, failures included.
        failed: The number of failures.
        left: The number of calls left; None if unknown.
        rate: Calls per second.
        pace: Calls per second outside of long pauses, for the time left; None for `rate`.
        max_rate: The rate limit in calls per second; None for none.
        pause: Seconds of a long pause that is known.
        waiting: Why nothing is sent, and for how long; empty if something is.
        short_waiting: The same for a narrow terminal.
        cause: The last failure of an outage, with the host that it is about.
    """

    done: int
    failed: int = 0
    left: int | None = None
    rate: float = 0.0
    pace: float | None = None
    max_rate: float | None = None
    pause: float = 0.0
    waiting: str = ""
    short_waiting: str = ""
    cause: str = ""

    @property
    def total(self) -> int | None:
        """The number of calls; None if unknown."""
        return None if self.left is None else self.done + self.left

    @property
    def seconds_left(self) -> float | None:
        """The time left at this pace, after a known pause; None if unknown."""
        pace = self.rate if self.pace is None else self.pace
        if self.max_rate is not None:
            # The first seconds are faster, because the whole window of the limit is free.
            pace = min(pace, self.max_rate)
        return None if self.left is None or pace < _MIN_RATE_PER_SECOND else self.left / pace + self.pause

    def text(self) -> str:
        """Return the progress as one line."""
        return _joined(self._counts, self._failures, self._speed, self._time_left, self.waiting, self.cause)

    def lines(self, width: int) -> list[str]:
        """Return the progress as one line or two of at most this many characters, without a number cut."""
        counts, failures, speed, left = self._counts, self._failures, self._speed, self._time_left
        waits = (self.waiting, self.short_waiting)
        if width >= _ONE_LINE_CHARACTERS:
            texts = [self.text(), *(_joined(counts, failures, speed, left, wait) for wait in waits)]
            texts += [_joined(counts, failures, left, wait) for wait in waits]
            # Without the wait rather than in turns with it and without the rate.
            texts += [_joined(counts, failures, speed, left), _joined(counts, failures, left), counts]
            return [_first_fitting(texts, width)]
        speeds = [_joined(speed, left, wait) for wait in (*waits, "")]
        return [
            _first_fitting([_joined(counts, failures), counts], width),
            _first_fitting([*speeds, left, speed], width),
        ]

    @property
    def _counts(self) -> str:
        total = self.total
        return f"{self.done:,}" if total is None else f"{self.done:,} of {total:,}"

    @property
    def _failures(self) -> str:
        return f"{self.failed:,} failed"

    @property
    def _speed(self) -> str:
        return f"{self.rate:,.1f}/s"

    @property
    def _time_left(self) -> str:
        seconds = self.seconds_left
        return "" if seconds is None else f"{duration(seconds)} left"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _first_fitting(texts: Iterable[str], width: int) -> str:
    return next((text for text in texts if len(text) <= width), "")


def waiting_text(holding: Holding | None, now: float) -> str:
    """Return why a batch sends nothing, and for how long; empty if it does, or will at once."""
    if holding is None:
        return ""
    left = holding.seconds_left(now)
    if holding.reason == "outage":
        since = f"no success for {duration(now - holding.since)}"
        error = f" ({type(holding.error).__name__})" if holding.error else ""
        return f"{since}, {short_waiting_text(holding, now)}{error}"
    what = "for the rate limit" if holding.reason == "rate limit" else "after HTTP 429"
    if left is None:
        return f"waiting {what}"
    return f"waiting {left:.1f} s {what}" if left >= _MIN_SHOWN_PAUSE_SECONDS else ""


def short_waiting_text(holding: Holding | None, now: float) -> str:
    """Return how long a batch sends nothing; empty if it does, or will at once."""
    if holding is None:
        return ""
    left = holding.seconds_left(now)
    if holding.reason == "outage":
        return "probing" if left is None else f"next probe in {left:.1f} s"
    if left is None:
        return "waiting"
    return f"waiting {left:.1f} s" if left >= _MIN_SHOWN_PAUSE_SECONDS else ""


def cause_text(holding: Holding | None) -> str:
    """Return the last failure of an outage; empty if there is none."""
    if holding is None or holding.error is None or holding.reason != "outage":
        return ""
    return holding.error.message


def long_pause(holding: Holding | None, now: float) -> float | None:
    """Return the known seconds of a pause that the rate does not cover; 0 if unknown, None for no such pause.

    The waits for the own rate limit recur in every window, so that the rate covers them.
    """
    if holding is None:
        return None
    left = holding.seconds_left(now)
    if holding.reason == "rate limit" and (left is None or left <= _RATE_WINDOW_SECONDS):
        return None
    return left or 0.0


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


@define
class PaceMeter:
    """The rate over the last 15 seconds, and the pace: the same by a clock that stops during long pauses."""

    _rate: RateMeter = field(factory=RateMeter, init=False)
    _pace: RateMeter = field(factory=RateMeter, init=False)
    _paused: float = field(default=0.0, init=False)
    _last: tuple[float, float] = field(default=(0.0, 0.0), init=False)

    def rates(self, now: float, done: int, *, is_paused: bool = False) -> tuple[float, float]:
        """Add a sample, and return the calls per second by both clocks."""
        before, pace = self._last
        if is_paused:
            self._paused += now - before
        else:
            pace = self._pace.rate(now - self._paused, done)
        self._last = (now, pace)
        return self._rate.rate(now, done), pace


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

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._lines = LiveLines(sys.stderr)

    def show(self, snapshot: Snapshot) -> None:
        """Draw the bar."""
        console = self._renderer.console
        # One column stays free: a terminal may wrap a line that fills it.
        bar = progress_bar(snapshot, console.width - 1, ascii_only=console.options.ascii_only)
        self._lines.draw(self._renderer.render(bar).splitlines())

    def close(self) -> None:
        """Remove the bar from the screen."""
        self._lines.close()


def progress_bar(snapshot: Snapshot, width: int, *, ascii_only: bool = False) -> RenderableType:
    """Return a bar with its line of text; in a narrow terminal, two lines of text.

    The width of the bar depends on that of the terminal only, so that it does not jump.

    Args:
        snapshot: The progress.
        width: The width in characters.
        ascii_only: Whether the terminal shows ASCII only.
    """
    bar_width = next((bar for least, bar in _BAR_WIDTHS if width >= least), 0)
    lines = snapshot.lines(width - bar_width - 1 if bar_width else width)
    text = Text("\n".join(lines).replace(" · ", ", ") if ascii_only else "\n".join(lines))
    if not bar_width:
        return text
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(no_wrap=True)
    total = snapshot.total
    if total is None:
        bar = ProgressBar(total=None, width=bar_width, pulse=True)
    else:
        bar = ProgressBar(total=max(1, total), completed=snapshot.done if total else 1, width=bar_width)
    row.add_row(bar, text)
    return row


def choose_display(*, quiet: bool, shares_terminal: bool = False) -> Display | None:
    """Return the display that suits stderr; None for no display.

    Args:
        quiet: Whether the user wants none.
        shares_terminal: Whether the records are written to a terminal.
    """
    if quiet or shares_terminal or cast("TextIO | None", sys.stderr) is None:
        return None
    renderer = live_renderer()
    return PlainDisplay(PLAIN_INTERVAL_SECONDS) if renderer is None else LiveDisplay(renderer)


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
