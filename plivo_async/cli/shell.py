"""Quotes words for a command line that a person copies from a message."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO, cast

from plivo_async.cli.streams import encodable

# What a message does not show as it is: white space that is joined, control characters, and bytes of a file
# name that are no text.
_NOT_SHOWN = re.compile(r"[^\S ]|  |\A | \Z|[\x00-\x1f\x7f\udc80-\udcff]")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:=@%+,")


def shell_join(words: Iterable[str]) -> str:
    """Return a command line for a POSIX shell, as one line of text that can be shown."""
    return " ".join(map(_quote, words))


def path_word(path: Path) -> str:
    """Return a path as a word that is neither an option nor `-` for a standard stream."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def _quote(word: str) -> str:
    stderr = cast("TextIO | None", sys.stderr)
    is_shown = stderr is None or encodable(word, stderr) == word
    if is_shown and not _NOT_SHOWN.search(word):
        return shlex.quote(word)
    escaped = (chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in os.fsencode(word))
    return f"$'{''.join(escaped)}'"
