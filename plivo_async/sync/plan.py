"""Which times a sync asks for, in which order, and how far it is up to date then. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from attrs import evolve, frozen

from plivo_async.sync.state import SyncState

# Records are usually written seconds to minutes after the call. This is far longer, and longer than most
# outages of a billing system. It costs each run the calls of 6 hours once more, 20 a request.
DEFAULT_LOOK_BACK = timedelta(hours=6)
# About 1,000 requests, 17 seconds at the default rate limit: a sync that is killed loses no more work.
_RECORDS_OF_A_SPAN = 20_000
_FIRST_LENGTH = timedelta(days=1)
_SHORTEST_LENGTH = timedelta(minutes=15)
_LONGEST_LENGTH = timedelta(days=30)
_HOUR = timedelta(hours=1)
_LARGEST_GROWTH = 4.0
_SMALLEST_GROWTH = 0.25


@frozen
class Span:
    """A span of time: `since` belongs to it, `until` does not."""

    since: datetime
    until: datetime


@frozen
class Plan:
    """What one run of a sync asks for.

    Attributes:
        span: Every record that ended within it.
        lost: The span whose records the API no longer keeps, although no run has read them; None without one.
    """

    span: Span
    lost: Span | None = None


def first_state(account: str, kind: str, now: datetime, kept: timedelta) -> SyncState:
    """Return the state of a target that has no record yet."""
    since = now - kept
    return SyncState(account=account, kind=kind, since=since, until=since)


def plan(state: SyncState, now: datetime, look_back: timedelta, kept: timedelta) -> Plan:
    """Return what a run asks for that begins now.

    It begins at the newest end of a call, less the look-back. By the clock of this machine alone, a sync
    would skip records after a run at which the clock was ahead.

    Args:
        state: The state that the last run left.
        now: The present time.
        look_back: How late a record may be written or corrected, to be found.
        kept: For how long the API keeps a record.
    """
    oldest = now - kept
    newest = state.since if state.newest is None else min(state.newest, state.until)
    # Before a span was read completely, the sync begins with what is kept, as the first one did.
    has_begun = state.until > state.since or state.newest is not None
    lost = Span(state.until, oldest) if has_begun and state.until < oldest else None
    since = max(min(newest, now) - look_back, state.since, oldest)
    return Plan(Span(since, now), lost)


def first_length(span: Span, look_back: timedelta) -> timedelta:
    """Return the length of the first span to list: all of a short one, else a day."""
    whole = span.until - span.since
    return whole if whole <= 2 * look_back + _FIRST_LENGTH else _FIRST_LENGTH


def next_length(length: timedelta, records: int) -> timedelta:
    """Return the length of the next span to list, so that it has about 20,000 records.

    Args:
        length: The length of the last one.
        records: The number of its records.
    """
    growth = _RECORDS_OF_A_SPAN / records if records else _LARGEST_GROWTH
    return min(
        max(length * min(max(growth, _SMALLEST_GROWTH), _LARGEST_GROWTH), _SHORTEST_LENGTH), _LONGEST_LENGTH
    )


def pieces(span: Span) -> Iterator[Span]:
    """Yield the span in pieces that one query may cover."""
    since = span.since
    while since < span.until:
        until = min(since + _LONGEST_LENGTH, span.until)
        yield Span(since, until)
        since = until


def recount_span(state: SyncState, now: datetime, look_back: timedelta, kept: timedelta) -> Span:
    """Return the span whose records are counted again: all of the target, but for the look-back.

    Its bounds are whole hours, so that a record whose time Plivo cuts to seconds is on one side for both.
    """
    return Span(next_hour(max(state.since, now - kept)), next_hour(state.until - look_back) - _HOUR)


def halves(span: Span) -> tuple[Span, Span] | None:
    """Return the two halves of a span of hours; None if it has one hour."""
    hours = (span.until - span.since) // _HOUR
    if hours < 2:
        return None
    middle = span.since + hours // 2 * _HOUR
    return Span(span.since, middle), Span(middle, span.until)


def next_hour(time: datetime) -> datetime:
    """Return the first whole hour of UTC that is not before a time."""
    hour = time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if hour == time else hour + _HOUR


def advanced(state: SyncState, span: Span, newest: datetime | None) -> SyncState:
    """Return the state after a span that follows what the state has was read completely.

    Args:
        state: The state before.
        span: The span.
        newest: The last end of a call within the span; None if it has no record.
    """
    ends = [time for time in (state.newest, newest) if time is not None]
    return evolve(state, until=max(state.until, span.until), newest=max(ends, default=None))
