"""Times as people write them: `7d`, `2026-11-01`, `2026-11-01 14:30`. Pure: the present time is passed in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_LENGTH = re.compile(r"([0-9]{1,6})\s*(s|m|h|d|w)")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):?([0-5][0-9])")
_DAYS_AGO = {"today": 0, "yesterday": 1}
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


class TimeTextError(ValueError):
    """A text is not a time, or lacks a time zone; the message has the reason, and a form that fits."""


def parse_length(text: str) -> timedelta:
    """Parse a length of time such as `6h`: a whole number of s, m, h, d or w.

    Raises:
        TimeTextError: The text has another form.
    """
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is None:
        raise TimeTextError(f"{text!r}: expected a length of time such as 90m, 6h, 7d or 2w")
    return int(match[1]) * _UNITS[match[2]]


def parse_moment(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    """Parse a time: `now`, `7d` (so long ago), `today`, `yesterday`, a date, or a date with a time.

    A date is its midnight.

    Args:
        text: The text.
        now: The present time.
        zone: The zone of a date or time without an offset; None if the user named none.

    Raises:
        TimeTextError: The text is not a time, or it needs a zone.
    """
    stripped = text.strip()
    word = stripped.lower()
    if word == "now":
        return now
    if _LENGTH.fullmatch(word):
        return now - parse_length(word)
    if word in _DAYS_AGO:
        midnight = now.astimezone(_named(zone, text)).replace(
            hour=0, minute=0, second=0, microsecond=0, fold=0
        )
        return (midnight - timedelta(days=_DAYS_AGO[word])).astimezone(UTC)
    if not _MOMENT.fullmatch(stripped):
        raise TimeTextError(
            f"{text!r}: expected a time such as 7d (ago), 2026-11-01, '2026-11-01 14:30' or "
            "2026-11-01T14:30:00+05:30"
        )
    try:
        moment = datetime.fromisoformat(stripped)
        return (moment if moment.tzinfo else moment.replace(tzinfo=_named(zone, text))).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if isinstance(error, TimeTextError):
            raise
        raise TimeTextError(f"{text!r} is not a time: {error}") from None


def find_zone(name: str) -> tzinfo:
    """Return a time zone by its name, such as `Asia/Kolkata` or `UTC`, or by its offset, such as `+05:30`.

    Raises:
        TimeTextError: There is no zone of this name.
    """
    if name.upper() == "UTC":
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    # Imported late: a command that names no zone saves 1 MB of memory.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    # An unknown name is a KeyError, one that is a path a ValueError, a folder's an OSError.
    except (LookupError, ValueError, OSError):
        raise TimeTextError(
            f"{name!r}: no such time zone; expected a name such as Asia/Kolkata or UTC{_zone_hint(name)}"
        ) from None


def _zone_hint(name: str) -> str:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    known = available_timezones()
    if not known:
        return ", and the package tzdata, because this system has no time zones"
    close = get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else ", or an offset such as +05:30"


def _named(zone: tzinfo | None, text: str) -> tzinfo:
    if zone is None:
        raise TimeTextError(
            f"{text!r} has no time zone: add --zone, for example --zone UTC or --zone Asia/Kolkata"
        )
    return zone
