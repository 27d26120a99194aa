"""The value of --max-wait: seconds, or none. Pure."""

from __future__ import annotations

import math

import click


def to_patience(_context: click.Context, _parameter: click.Parameter, value: str) -> float | None:
    """Parse a number of seconds, or "none" for no limit (a callback for click).

    Raises:
        BadParameter: The value is neither.
    """
    if value == "none":
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise click.BadParameter(f"{value!r}: expected a number of seconds above 0, or none")
    return seconds
