"""Renders for a stream without writing to it.

rich would write by itself, even while it captures: an error of the stream would end the command, and without
a reader rich redirects stdout, be it stderr that failed.
"""

from __future__ import annotations

from typing import IO, TextIO, cast

from attrs import define, field
from rich.console import Console, RenderableType

_UNKNOWN_WIDTH_CHARACTERS = 80


@define
class _Draft:
    """Collects text in place of a stream, and has its properties."""

    _stream: TextIO | None
    _pieces: list[str] = field(factory=list[str], init=False)

    def write(self, text: str) -> int:
        self._pieces.append(text)
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    @property
    def encoding(self) -> str | None:
        return None if self._stream is None else self._stream.encoding

    def take(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        return text


class Renderer:
    """Renders in the colours, the width and the characters of a stream.

    Attributes:
        console: What rich knows of the stream.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._draft = _Draft(stream)
        self.console = Console(file=cast("IO[str]", self._draft), highlight=False, markup=False, emoji=False)
        if not self.console.width:
            # COLUMNS=0 means that nobody knows the width. rich would print nothing.
            self.console.width = _UNKNOWN_WIDTH_CHARACTERS

    def render(self, renderable: RenderableType) -> str:
        """Return the text to write to the stream."""
        self.console.print(renderable)
        return self._draft.take()
