"""The option `--zone`. Pure, but for the time zones that the system knows."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

import click

_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):?([0-5][0-9])")


def to_zone(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tzinfo | None:
    """Return the time zone of an IANA name or an offset such as +05:30.

    Raises:
        BadParameter: There is no such zone.
    """
    if value is None:
        return None
    offset = _OFFSET.fullmatch(value)
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        # A name with `..` is a ValueError, a folder of zones an OSError, an unknown zone a KeyError.
        pass
    known = available_timezones()
    close = get_close_matches(value, known, 1)
    hint = f"did you mean {close[0]}?" if close else "for example UTC, Europe/Berlin or +05:30"
    raise click.BadParameter(f"no time zone {value!r}; {hint if known else 'install the package tzdata'}")
