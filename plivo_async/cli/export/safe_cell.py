"""Disarms text that a spreadsheet would run as a formula, and undoes it. Pure."""

from __future__ import annotations

import re

# A spreadsheet may trim a cell, and another one than it was written for may split it at `;` or a tab.
_BEGINNING = r"((?:\A|[;\t\r\n])[\s\x00-\x1f\u200b\ufeff]*)"
# The last four are the same signs in full width.
_ARMED = re.compile(_BEGINNING + "(?=[=+@'\uff1d\uff0b\uff0d\uff20-])")
_DISARMED = re.compile(_BEGINNING + "'")


def disarmed(text: str) -> str:
    """Return text with an apostrophe before each `=`, `+`, `-`, `@` and apostrophe that may begin a cell."""
    return _ARMED.sub(r"\1'", text)


def armed(text: str) -> str:
    """Return the text that `disarmed` was given."""
    # Most cells have none, and are not searched.
    return _DISARMED.sub(r"\1", text) if "'" in text else text
