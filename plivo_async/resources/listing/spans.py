"""The span of a list and its windows. Pure: the present time is passed in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from attrs import frozen

from plivo_async.errors import ConfigurationError, RetentionError
from plivo_async.text import short_repr

# A caller who computes "90 days ago" does so a moment before the list does.
_TOLERANCE = timedelta(minutes=1)
_SHORTEST_SPLIT = timedelta(hours=1)
_FIRST_TIME = datetime.min.replace(tzinfo=UTC)


@frozen
class Window:
    """A part of a span that one query may cover, both bounds in UTC; None for no bounds at all."""

    since: datetime | None = None
    until: datetime | None = None

    def query(self, key: str) -> dict[str, str]:
        """Return the parameters of the query, for a time named `key`."""
        if self.since is None or self.until is None:
            return {}
        return {f"{key}__gte": utc_text(self.since), f"{key}__lt": utc_text(self.until)}

    @property
    def text(self) -> str:
        """The window in words."""
        if self.since is None or self.until is None:
            return "all times"
        return f"{utc_text(self.since)} to {utc_text(self.until)} UTC"

    def halves(self) -> tuple[Window, Window] | None:
        """Return the newer and the older half; None if it is too short to be split."""
        if self.since is None or self.until is None or self.until - self.since < _SHORTEST_SPLIT:
            return None
        # On a whole second, which a record's time falls on.
        middle = (self.since + (self.until - self.since) / 2).replace(microsecond=0)
        return Window(middle, self.until), Window(self.since, middle)


@frozen
class Span:
    """What a list covers: `since` <= time < `until`, in UTC.

    Attributes:
        since: The earliest time.
        until: The end, which is not part of it.
        warnings: The part that is left out, in words.
    """

    since: datetime
    until: datetime
    warnings: tuple[str, ...] = ()

    def windows(self, longest: timedelta) -> list[Window]:
        """Return the windows of the span, the newest first, none of them longer than `longest`."""
        windows: list[Window] = []
        until = self.until
        while until > self.since:
            since = max(self.since, _earlier(until, longest))
            windows.append(Window(since, until))
            until = since
        return windows


def find_span(
    since: object,
    until: object,
    zone: object,
    *,
    now: datetime,
    default: timedelta,
    kept: timedelta | None,
    allow_partial: bool = False,
) -> Span:
    """Return the span that a caller asks for.

    Args:
        since: An aware datetime, a date, or None for `default` before the end.
        until: The same, or None for now. An end in the future becomes now, so that no new record falls
            into the span while it is read.
        zone: Where a date begins: a tzinfo or the name of one.
        now: The present time, in UTC.
        default: The length of a span without a beginning.
        kept: How long records are kept; None for any time.
        allow_partial: Whether the span may begin before that.

    Raises:
        ConfigurationError: A bound that cannot be used, or a span without length.
        RetentionError: The span begins before what is kept.
    """
    place = _zone(zone)
    end = now if until is None else min(now, time_bound("until", until, place))
    begin = _earlier(end, default) if since is None else time_bound("since", since, place)
    if begin > now:
        raise ConfigurationError(f"since must not be in the future, but is {utc_text(begin)} UTC")
    if begin >= end:
        fault = "is" if begin == end else "is after"
        raise ConfigurationError(
            f"since must be before until, but since={utc_text(begin)} UTC {fault} until={utc_text(end)} UTC"
        )
    if kept is None or begin >= (oldest := now - kept):
        return Span(begin, end)
    if begin >= oldest - _TOLERANCE and end > oldest:
        return Span(oldest, end)
    fact = f"Plivo keeps records for {kept.days} days, since {utc_text(oldest)} UTC"
    if end <= oldest:
        raise RetentionError(f"{fact}, and the span ends before, at {utc_text(end)} UTC", oldest=oldest)
    if not allow_partial:
        raise RetentionError(
            f"{fact}, but since is {utc_text(begin)} UTC; allow_partial=True lists what is kept",
            oldest=oldest,
        )
    missing = f"not listed: {utc_text(begin)} to {utc_text(oldest)} UTC, because {fact}"
    return Span(oldest, end, (missing,))


def time_bound(name: str, value: object, zone: tzinfo | None) -> datetime:
    """Return a bound in UTC.

    Raises:
        ConfigurationError: Not an aware datetime, and not a date in a zone that is named.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ConfigurationError(
                f"{name} must have a time zone, such as datetime(2026, 11, 1, tzinfo=UTC) "
                f"or datetime(2026, 11, 1, tzinfo=ZoneInfo('Asia/Kolkata')), not {short_repr(value)}"
            )
        moment = value
    elif isinstance(value, date):
        if zone is None:
            raise ConfigurationError(
                f"{name} is a date, {short_repr(value)}: pass the zone in which it begins, "
                "such as zone='Asia/Kolkata' or zone='UTC'"
            )
        moment = datetime.combine(value, time(), zone)
    else:
        raise ConfigurationError(f"{name} must be an aware datetime or a date, not {short_repr(value)}")
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise ConfigurationError(f"{name} is out of range: {short_repr(value)}") from None


def _earlier(moment: datetime, length: timedelta) -> datetime:
    """Return the time so long before a moment, or the first one that Python has."""
    return moment - min(length, moment - _FIRST_TIME)


def _zone(zone: object) -> tzinfo | None:
    if zone is None or isinstance(zone, tzinfo):
        return zone
    if not isinstance(zone, str):
        raise ConfigurationError(
            f"zone must be a tzinfo or the name of one, such as 'Asia/Kolkata', not {short_repr(zone)}"
        )
    # Imported late: a program that names no zone saves 1 MB of memory.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(zone)
    # An unknown name is a KeyError, one that is a path a ValueError, a folder's an OSError.
    except (LookupError, ValueError, OSError):
        raise ConfigurationError(
            f"zone must be the name of a time zone, such as 'Asia/Kolkata' or 'UTC', not {short_repr(zone)}; "
            "where the system has no time zones, install tzdata"
        ) from None


def utc_text(moment: datetime) -> str:
    """Return a time in UTC as the query has it, with microseconds if there are any."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
