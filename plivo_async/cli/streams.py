"""The standard streams of the process, which may be closed, full or unread. Needs no extra."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO, cast


def write_to_stderr(text: str) -> None:
    """Write text to stderr and flush it; a stderr that is closed or full ends no command."""
    stderr = cast("TextIO | None", sys.stderr)
    if stderr is None:
        return
    with suppress(OSError):
        stderr.write(text)
        stderr.flush()


def encodable(text: str, stream: TextIO) -> str:
    """Return the text with an escape for each character that the encoding of the stream lacks."""
    # The stream of a test has no encoding.
    encoding = cast("str | None", stream.encoding) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def discard(stream: TextIO) -> None:
    """Redirect a stream to the null device."""
    # Else the buffered rest fails again when Python exits, with a message and exit code 120.
    null_fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_fd, stream.fileno())
    os.close(null_fd)


def flush_or_discard() -> None:
    """Flush the standard streams at the end of a command, and discard what cannot be written."""
    for stream in (cast("TextIO | None", sys.stdout), cast("TextIO | None", sys.stderr)):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            discard(stream)
