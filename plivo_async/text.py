"""Text for messages: printable, short, on one line. Pure; knows neither HTTP nor JSON."""

from __future__ import annotations

_MAX_TEXT_CHARACTERS = 200
_MAX_REPR_CHARACTERS = 80


def printable(text: str, limit: int = _MAX_TEXT_CHARACTERS) -> str:
    """Return text from outside as one line of at most `limit` characters, control characters escaped."""
    line = " ".join(text[: limit * 5].split())
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return safe if len(safe) <= limit else safe[:limit] + "…"


def short_repr(value: object, limit: int = _MAX_REPR_CHARACTERS) -> str:
    """Return the repr of a value, cut after `limit` characters."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the value is only to be shown
        # An int of more than 4,300 digits has no repr, nor has a list that is nested too deeply, nor a lazy
        # row of a database whose session is closed.
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= limit else text[:limit] + "…"


def message_of(error: BaseException) -> str:
    """Return the text of an exception, or the name of its type where it has none."""
    return printable(str(error)) or type(error).__name__
