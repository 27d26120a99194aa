"""Lines at the bottom of a terminal that are redrawn in place, below all messages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO, cast

from attrs import define, field

from plivo_async.cli.renderer import Renderer

LIVE_INTERVAL_SECONDS = 0.25
# Where no line can be redrawn, each one stays.
PLAIN_INTERVAL_SECONDS = 10.0
_ERASE_LINE = "\r\x1b[2K"
_ERASE_LINE_ABOVE = "\x1b[1A\x1b[2K"


@define(eq=False)
class LiveLines:
    """Lines that are redrawn. While they are shown, this object replaces `sys.stderr`.

    All text that anything writes to `sys.stderr` then appears above them. The cursor is never hidden: a
    process that is stopped or killed could not show it again.

    Attributes:
        terminal: The stream of the terminal.
    """

    terminal: TextIO
    _lines: Sequence[str] = field(default=(), init=False)
    _unfinished: str = field(default="", init=False)

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of the ones before; each must be narrower than the terminal.

        Raises:
            OSError: The terminal is gone.
        """
        if not self._is_shown:
            sys.stderr = cast("TextIO", self)
        self._rewrite("", lines)

    def close(self) -> None:
        """Remove the lines and restore `sys.stderr`.

        Raises:
            OSError: The terminal is gone.
        """
        if self._is_shown:
            sys.stderr = self.terminal
            self._rewrite(self._unfinished, ())

    def write(self, text: str) -> int:
        """Write text above the lines, as soon as its line is complete."""
        complete, newline, self._unfinished = (self._unfinished + text).rpartition("\n")
        if newline:
            self._rewrite(complete + newline, self._lines)
        return len(text)

    def flush(self) -> None:
        """Flush the terminal."""
        self.terminal.flush()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self.terminal.isatty()

    def fileno(self) -> int:
        """Return the file descriptor of the terminal."""
        return self.terminal.fileno()

    @property
    def encoding(self) -> str:
        """The encoding of the terminal."""
        return self.terminal.encoding

    @property
    def _is_shown(self) -> bool:
        return cast("object", sys.stderr) is self

    def _rewrite(self, above: str, lines: Sequence[str]) -> None:
        erase = _ERASE_LINE + _ERASE_LINE_ABOVE * (len(self._lines) - 1)
        self._lines = lines
        # One write, so that the terminal never shows a half of it.
        self.terminal.write(erase + above + "\n".join(lines))
        self.terminal.flush()


def live_renderer() -> Renderer | None:
    """Return a renderer for stderr if that is a terminal in which lines can be redrawn, else None."""
    stderr = cast("TextIO | None", sys.stderr)
    if stderr is None or not stderr.isatty():
        return None
    renderer = Renderer(stderr)
    return None if renderer.console.is_dumb_terminal or renderer.console.legacy_windows else renderer
