"""The query of a list, read and checked as Plivo does. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from attrs import frozen

from plivo_async.testing.list_quirks import ListQuirks
from plivo_async.testing.list_rules import ListRules

DAY_MICROSECONDS = 86_400 * 1_000_000
# Before and after any record.
_EVER_MICROSECONDS = 2**62
_LARGEST_LIMIT_ROWS = 20
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_NUMBER = re.compile(r"[0-9]{1,18}")


class QueryError(ValueError):
    """Plivo responds to this query with 400."""


@frozen
class ListQuery:
    """What a list request asks for; times are microseconds since 1970, `until` is excluded."""

    since: int
    until: int
    limit: int
    offset: int
    filters: tuple[tuple[str, str], ...]


def microseconds(time: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    since_1970 = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since_1970.days * 86_400 + since_1970.seconds) * 1_000_000 + since_1970.microseconds


def read_query(
    parameters: Mapping[str, Sequence[str]], rules: ListRules, quirks: ListQuirks, now: int
) -> ListQuery:
    """Return the query of a list.

    Raises:
        QueryError: A parameter has no valid value, or the bounds are too far apart.
    """
    values = {name: given[-1] for name, given in parameters.items()}
    bounds = {
        suffix: _time(name, values.pop(name))
        for suffix in ("", "__gt", "__gte", "__lt", "__lte")
        if (name := rules.time + suffix) in values
    }
    limit = _limit(values.pop("limit", "20"), quirks)
    offset = _number("offset", values.pop("offset", "0"))
    unknown = values.keys() - rules.filters.keys()
    if rules.is_strict and unknown:
        raise QueryError(f"filtering not allowed on {min(unknown)}")
    filters = tuple(sorted((name, value) for name, value in values.items() if name in rules.filters))
    if bounds and any(name.startswith("recording_storage_duration") for name, _ in filters):
        raise QueryError("recording_storage_duration and add_time do not go together")
    since, until = _span(bounds, rules, quirks, now, whole=rules.whole_with in values)
    if rules.kept_days is not None:
        since = max(since, now - rules.kept_days * DAY_MICROSECONDS)
    return ListQuery(since, until, limit, offset, filters)


def _span(
    bounds: Mapping[str, int], rules: ListRules, quirks: ListQuirks, now: int, *, whole: bool
) -> tuple[int, int]:
    lower = [bounds[suffix] + (suffix == "__gt") for suffix in ("", "__gt", "__gte") if suffix in bounds]
    upper = [bounds[suffix] + (suffix != "__lt") for suffix in ("", "__lt", "__lte") if suffix in bounds]
    span = int((quirks.span_days or rules.span_days) * DAY_MICROSECONDS)
    if not bounds:
        if whole:
            return -_EVER_MICROSECONDS, _EVER_MICROSECONDS
        return now - rules.default_days * DAY_MICROSECONDS, now + 1
    if not lower:
        if rules.needs_lower:
            raise QueryError(f"{rules.time} has an upper bound and no lower one")
        return min(upper) - span, min(upper)
    if not upper:
        return max(lower), max(lower) + span
    if min(upper) - max(lower) > span:
        days = f"{span / DAY_MICROSECONDS:g}"
        raise QueryError(f"the bounds of {rules.time} must be at most {days} days apart")
    return max(lower), min(upper)


def _time(name: str, text: str) -> int:
    try:
        if _TIME.fullmatch(text):
            return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except ValueError:
        pass
    raise QueryError(f"{name} must be YYYY-MM-DD HH:MM[:ss[.uuuuuu]], not {text[:40]!r}")


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise QueryError(f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)


def _limit(text: str, quirks: ListQuirks) -> int:
    limit = _number("limit", text)
    if limit == 0 or (limit > _LARGEST_LIMIT_ROWS and quirks.above_20 == "error"):
        raise QueryError(f"limit must be from 1 to {_LARGEST_LIMIT_ROWS}, not {limit}")
    return min(limit, _LARGEST_LIMIT_ROWS) if quirks.above_20 == "clamp" else limit
