"""A table of numbers that stay whole in a narrow terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from attrs import frozen
from rich.box import Box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from plivo_async.text import printable

# Rounded corners, no lines between the columns.
FRAME = Box("╭──╮\n│  │\n├──┤\n│  │\n├──┤\n├──┤\n│  │\n╰──╯\n")
# A longer name may be folded.
_MIN_NAME_CHARACTERS = 16
_MAX_NAME_CHARACTERS = 32
_FOLDED_NAME_CHARACTERS = 20
_MIN_BAR_CHARACTERS = 8
_SHORT_BAR_CHARACTERS = 12
_MAX_BAR_CHARACTERS = 40
# Two columns, each with a space on both sides, and three borders.
_NARROW_FRAME_CHARACTERS = 7


def fitting_text(text: str, encoding: str) -> str:
    """Return text for a terminal: without control characters, in characters that the encoding supports."""
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)


@frozen
class NumberTable:
    """A row of numbers for each name; in a narrow terminal, a line for each number.

    Attributes:
        title: The heading of the names.
        headings: The headings of the numbers.
        rows: Each name with its numbers.
        total: The numbers of the last row; None for no such row.
        bars: The length of the bar of each row and of its bright part, from 0 to 1; empty for no bars.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    total: Sequence[str] | None = None
    bars: Sequence[tuple[float, float]] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table that fits."""
        rows = [(fitting_text(name, options.encoding), numbers) for name, numbers in self.rows]
        longest = max(len(text) for text in (self.title, *(name for name, _ in rows)))
        needed = min(longest, _MIN_NAME_CHARACTERS) + self._number_characters()
        can_draw, names = _encodes(options.encoding), min(longest, _MAX_NAME_CHARACTERS)
        if options.max_width < needed:
            numbers = max(map(len, chain(self.headings, *(numbers for _, numbers in rows))))
            room = min(options.max_width - names - _NARROW_FRAME_CHARACTERS, _MAX_BAR_CHARACTERS // 2)
            yield self._narrow(rows, max(numbers, room), can_draw)
        else:
            # The column of the bars has a space on both sides and a border.
            room = options.max_width - self._number_characters() - 3
            # Long names are folded for the sake of the bars.
            room = max(room - names, min(room - _FOLDED_NAME_CHARACTERS, _SHORT_BAR_CHARACTERS))
            yield self._wide(rows, min(room, _MAX_BAR_CHARACTERS), can_draw)

    def _number_characters(self) -> int:
        lines = [self.headings, *(numbers for _, numbers in self.rows), self.total or ()]
        widths = [max(map(len, column)) for column in zip(*filter(None, lines), strict=True)]
        # Each column has a space on both sides and a border.
        return sum(widths) + 3 * (len(widths) + 1) + 1

    def _wide(self, rows: Sequence[tuple[str, Sequence[str]]], room: int, can_draw: bool) -> Table:
        has_bars = bool(self.bars) and room >= _MIN_BAR_CHARACTERS
        table = _table(show_footer=self.total is not None)
        table.add_column(self.title, "Total", overflow="fold")
        if has_bars:
            table.add_column("", min_width=room, no_wrap=True)
        for heading, total in zip(self.headings, self.total or self.headings, strict=True):
            table.add_column(heading, total, justify="right", no_wrap=True)
        for at, (name, numbers) in enumerate(rows):
            bar = [_bar(*self.bars[at], room, can_draw=can_draw)] if has_bars else []
            table.add_row(Text(name), *bar, *numbers)
        return table

    def _narrow(self, rows: Sequence[tuple[str, Sequence[str]]], room: int, can_draw: bool) -> Table:
        table = _table(show_footer=False)
        table.add_column(self.title, overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        for at, (name, numbers) in enumerate(rows):
            self._add(table, name, numbers)
            if self.bars:
                table.add_row("", _bar(*self.bars[at], room, can_draw=can_draw))
        if self.total is not None:
            table.add_section()
            self._add(table, "Total", self.total)
        return table

    def _add(self, table: Table, name: str, numbers: Sequence[str]) -> None:
        table.add_row(Text(name, "bold"))
        for heading, number in zip(self.headings, numbers, strict=True):
            table.add_row(f"  {heading}", number)


def _bar(length: float, bright: float, width: int, *, can_draw: bool) -> Text:
    """Return a bar; one of any length has at least one character."""
    full = max(round(length * width), int(length > 0))
    solid = min(max(round(bright * width), int(bright > 0)), full)
    block, shade = ("█", "░") if can_draw else ("#", "-")
    text = block * solid + shade * (full - solid) + " " * (width - full)
    return Text(text, "cyan", justify="left", no_wrap=True)


def _encodes(encoding: str) -> bool:
    try:
        "█░".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _table(*, show_footer: bool) -> Table:
    return Table(box=FRAME, border_style="dim", header_style="bold cyan", show_footer=show_footer)
