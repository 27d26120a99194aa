"""A table of numbers that stay whole in a narrow terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

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
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    total: Sequence[str] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table that fits."""
        rows = [(fitting_text(name, options.encoding), numbers) for name, numbers in self.rows]
        longest = max(len(text) for text in (self.title, *(name for name, _ in rows)))
        needed = min(longest, _MIN_NAME_CHARACTERS) + self._number_characters()
        yield self._wide(rows) if options.max_width >= needed else self._narrow(rows)

    def _number_characters(self) -> int:
        lines = [self.headings, *(numbers for _, numbers in self.rows), self.total or ()]
        widths = [max(map(len, column)) for column in zip(*filter(None, lines), strict=True)]
        # Each column has a space on both sides and a border.
        return sum(widths) + 3 * (len(widths) + 1) + 1

    def _wide(self, rows: Sequence[tuple[str, Sequence[str]]]) -> Table:
        table = _table(show_footer=self.total is not None)
        table.add_column(self.title, "Total", overflow="fold")
        for heading, total in zip(self.headings, self.total or self.headings, strict=True):
            table.add_column(heading, total, justify="right", no_wrap=True)
        for name, numbers in rows:
            table.add_row(Text(name), *numbers)
        return table

    def _narrow(self, rows: Sequence[tuple[str, Sequence[str]]]) -> Table:
        table = _table(show_footer=False)
        table.add_column(self.title, overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        for name, numbers in rows:
            self._add(table, name, numbers)
        if self.total is not None:
            table.add_section()
            self._add(table, "Total", self.total)
        return table

    def _add(self, table: Table, name: str, numbers: Sequence[str]) -> None:
        table.add_row(Text(name, "bold"))
        for heading, number in zip(self.headings, numbers, strict=True):
            table.add_row(f"  {heading}", number)


def _table(*, show_footer: bool) -> Table:
    return Table(box=FRAME, border_style="dim", header_style="bold cyan", show_footer=show_footer)
